import { LRUCache } from "lru-cache";
import type { Snapshot, SnapshotReader } from "../registry/snapshot.ts";
import { finishDocument, type FinishedDocument, type SentDocument } from "./send-document.ts";

interface Kept {
  readonly document: FinishedDocument;
  /** Taken before the document was read. */
  readonly snapshot: string;
}

type Snapshots = Pick<SnapshotReader, "last" | "read" | "forget">;

/** Nothing is kept for longer, in milliseconds: a bound for whatever nobody has thought of. */
const longestKept = 60_000;

/** About what an entry takes besides its bytes. */
const overhead = 512;

/**
 * Answers that were sent, by what was asked for. One is sent again only after PostgreSQL has said that since it was read no
 * transaction has ended, so that a client never gets anything that the database would not answer.
 */
export class ResponseCache {
  readonly #snapshots: Snapshots;
  readonly #kept: LRUCache<string, Kept>;
  /** Another one after each `clear`. */
  #era = 0;
  #hits = 0;
  #misses = 0;

  /** @param size most bytes that are kept */
  constructor(snapshots: Snapshots, size: number) {
    this.#snapshots = snapshots;
    this.#kept = new LRUCache({ maxSize: size, ttl: longestKept, ttlResolution: 1000 });
  }

  /** For metrics. */
  get use(): { readonly hits: number; readonly misses: number; readonly bytes: number } {
    return { hits: this.#hits, misses: this.#misses, bytes: this.#kept.calculatedSize };
  }

  /**
   * What `read` returns, or returned when it was asked for this before. What it throws is thrown, and not kept.
   *
   * @param url says all that the answer depends on but the database
   */
  async answer(url: string, read: () => Promise<SentDocument>): Promise<SentDocument> {
    const era = this.#era;
    const kept = this.#kept.get(url);
    const snapshot = kept === undefined ? this.#lastSnapshot() : await this.#currentSnapshot();
    if (kept !== undefined && kept.snapshot === snapshot && era === this.#era) {
      this.#hits++;
      return kept.document;
    }
    this.#misses++;
    const document = await read();
    if (typeof snapshot !== "string" || era !== this.#era) return document;
    const finished = finishDocument(document);
    this.#kept.set(
      url,
      { document: finished, snapshot },
      { size: url.length * 2 + finished.text.length + overhead },
    );
    return finished;
  }

  /**
   * Forgets everything. To be called when the server may have crashed, or be another one: it may have forgotten
   * transactions that it has shown, and count the next ones like them.
   */
  clear(): void {
    this.#era++;
    this.#kept.clear();
    this.#snapshots.forget();
  }

  /**
   * What is known already, which is older than the answer to come: if it is too old, the answer will not be found to hold,
   * and be read once more.
   */
  #lastSnapshot(): Snapshot | undefined {
    const { last } = this.#snapshots;
    if (last === undefined) void this.#currentSnapshot();
    return last;
  }

  /** undefined when it cannot be had: the statement to come will say why. */
  async #currentSnapshot(): Promise<Snapshot | undefined> {
    try {
      return await this.#snapshots.read();
    } catch {
      this.clear();
      return undefined;
    }
  }
}
