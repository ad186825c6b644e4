import { AppError } from "../errors.ts";
import { endedByLimit, type ConnectionLost } from "./connection-lost.ts";
import type { Listener } from "./events.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import type { RunResult, Step, StepResult } from "./run-steps.ts";

/** A migration during which the connection was lost. */
export interface LostStep {
  readonly step: Step;
  /** With the columns that the ledger has. */
  readonly tables: LedgerTables;
  /** As it is reported if the ledger says that it was committed. */
  readonly result: StepResult;
  readonly index: number;
  readonly total: number;
  readonly startedAt: Date;
  /** Statements or batches of it were finished on the connection that was lost. */
  readonly progressed: boolean;
  /** Which life of which server it was, as `readServerLife` tells. */
  readonly serverLife: string;
  readonly sqlstate: string | undefined;
}

/** What a run knows beyond the connection that it has lost. */
export class RunMemory<Plan = unknown> {
  /** What was agreed on first. */
  plan: Plan | undefined;
  done: StepResult[] = [];
  /** The migration that was under way when the connection was lost last. */
  open: LostStep | undefined;
  /** The one before. */
  private before: LostStep | undefined;
  private agreed: readonly Step[] | undefined;
  /** The last loss, until the next attempt has dealt with it. */
  lost: ConnectionLost | undefined;
  /** Losses in a row without any progress. */
  inVain = 0;

  /** A step was begun on an earlier connection: what is left of the plan goes on without asking again. */
  get isResumed(): boolean {
    return this.agreed !== undefined;
  }

  remember(lost: ConnectionLost): void {
    this.lost = lost;
    const progressed = this.open?.progressed === true || this.done.length > this.doneBefore;
    this.doneBefore = this.done.length;
    this.inVain = progressed ? 1 : this.inVain + 1;
  }
  private doneBefore = 0;

  finish(result: StepResult): void {
    this.done.push(result);
    // Another one may have had to be done again, where the server had forgotten it.
    if (this.open !== undefined && isOf(result, this.open.step))
      [this.open, this.before] = [undefined, undefined];
  }

  loseStep(lost: LostStep): void {
    this.before = this.open;
    this.open = lost;
  }

  /**
   * The steps of a plan that this run has to do: at first all, later those that were agreed on and are left.
   *
   * @param isCommitted whether the fresh plan shows that the step which was under way has taken effect; given where a
   *   plan that begins anew holds steps that were done. Otherwise that is so where the plan does not hold it any more
   * @throws AppError `history-conflict` when other steps would have to come first now
   */
  take(
    plan: Plan,
    fresh: readonly Step[],
    listener: Listener,
    isCommitted?: (lost: Step) => boolean,
  ): readonly Step[] {
    this.plan ??= plan;
    if (this.agreed === undefined) {
      this.agreed = fresh;
      return fresh;
    }
    const committed = isCommitted ?? ((lost: Step) => !fresh.some((step) => isSame(step, lost)));
    if (this.open !== undefined && committed(this.open.step)) {
      const { result, index, total } = this.open;
      const { name, direction, ranMs } = result;
      listener({ type: "finished", name, direction, ranMs, index, total });
      this.done.push(result);
      this.open = undefined;
    }
    const isRepeatable = isCommitted === undefined;
    const left = this.agreed.filter(
      (step) => isRepeatable || !this.done.some((result) => isOf(result, step)),
    );
    const ours = (step: Step): boolean => left.some((other) => isSame(other, step));
    const stranger = fresh.slice(0, fresh.findLastIndex(ours) + 1).find((step) => !ours(step));
    if (stranger === undefined) {
      const again = fresh.filter(ours);
      // A server that takes over, or begins again, may have lost what was committed last.
      this.done = this.done.filter((result) => !again.some((step) => isOf(result, step)));
      return again;
    }
    throw new AppError(
      "history-conflict",
      `While the connection was lost, another runner changed what is applied: ${stranger.migration.file.name} would have to come first now. This run stops; look at \`migrate status\` and run the command again.`,
    );
  }

  /**
   * Why a step must not be tried once more: it lost the connection twice at the same place, and between the two the server
   * was restarted, or a limit of the server ended it both times.
   */
  suspicion(step: Step): string | undefined {
    const { open, before } = this;
    if (open === undefined || before === undefined || open.progressed) return undefined;
    if (!isSame(open.step, step) || !isSame(before.step, step)) return undefined;
    if (open.serverLife !== before.serverLife)
      return "the connection was lost twice at the same place of it, and the server was restarted in between: it may be what crashes the server. Look into the server's log before it is tried again";
    if (endedByLimit.has(open.sqlstate ?? "") && endedByLimit.has(before.sqlstate ?? ""))
      return `a limit of the server ended its session twice at the same place [${open.sqlstate}]: it was idle, or its transaction open, for too long. Code that blocks Node's event loop cannot keep its session awake`;
    return undefined;
  }

  /** What was done until the run was given up; undefined where no migration was under way. */
  giveUp(error: AppError): RunResult | undefined {
    if (this.open === undefined || this.agreed === undefined) return undefined;
    const { name } = this.open.step.migration.file;
    const place = this.agreed.findIndex((step) => isSame(step, this.open!.step));
    return {
      done: this.done,
      failed: { name, error },
      notTried: this.agreed.slice(place + 1).map(({ migration }) => migration.file.name),
    };
  }
}

function isOf(result: StepResult, { migration }: Step): boolean {
  return result.name === migration.file.name && result.direction === migration.direction;
}

function isSame(one: Step, other: Step): boolean {
  return (
    one.migration.file.name === other.migration.file.name &&
    one.migration.direction === other.migration.direction
  );
}
