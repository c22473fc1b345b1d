/**
 * A persistent map that only grows. Every version shares one store, so that adding costs the same at the first entry as at the
 * hundred-thousandth; a version sees the entries that were there when it was made. Adding to an older version copies the store.
 */
export class GrowOnlyMap<Value> {
  private constructor(
    private readonly store: Map<string, { readonly nth: number; readonly value: Value }>,
    readonly size: number,
  ) {}

  static empty<Value>(): GrowOnlyMap<Value> {
    return new GrowOnlyMap(new Map(), 0);
  }

  get(key: string): Value | undefined {
    const entry = this.store.get(key);
    return entry && entry.nth < this.size ? entry.value : undefined;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** The map with this entry too; an entry that is there already stays. */
  with(key: string, value: Value): GrowOnlyMap<Value> {
    if (this.has(key)) return this;
    const newest = this.store.size === this.size;
    const store = newest ? this.store : new Map([...this.store].filter(([, entry]) => entry.nth < this.size));
    store.set(key, { nth: this.size, value });
    return new GrowOnlyMap(store, this.size + 1);
  }
}
