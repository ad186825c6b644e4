/**
 * What is there right now of things that come and go by the thousand. A Set would do, but it moves its entries to a new
 * table again and again, and old tables keep young garbage from being collected.
 */
export class Slots<T> {
  readonly #slots: (T | undefined)[] = [];
  readonly #free: number[] = [];

  /** Returns what takes it out again, to be called once. */
  add(item: T): () => void {
    const slot = this.#free.pop() ?? this.#slots.length;
    this.#slots[slot] = item;
    return () => {
      this.#slots[slot] = undefined;
      this.#free.push(slot);
    };
  }

  items(): T[] {
    return this.#slots.filter((item) => item !== undefined);
  }
}
