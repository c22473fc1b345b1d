/**
 * A persistent map that only grows. All versions share one store, so the cost of adding an entry does not depend on the size.
 * A version sees only the entries that existed when it was created. Adding to an older version copies the store.
 */
export class GrowOnlyMap<Value> {
  private constructor(
    private readonly store: Map<string, { readonly index: number; readonly value: Value }>,
    readonly size: number,
  ) {}

  static empty<Value>(): GrowOnlyMap<Value> {
    return new GrowOnlyMap(new Map(), 0);
  }

  get(key: string): Value | undefined {
    const entry = this.store.get(key);
    return entry && entry.index < this.size ? entry.value : undefined;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** The map with this entry added. An existing entry keeps its value. */
  with(key: string, value: Value): GrowOnlyMap<Value> {
    if (this.has(key)) return this;
    const isNewest = this.store.size === this.size;
    const store = isNewest ? this.store : new Map([...this.store].filter(([, entry]) => entry.index < this.size));
    store.set(key, { index: this.size, value });
    return new GrowOnlyMap(store, this.size + 1);
  }
}
