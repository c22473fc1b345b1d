/** Runs the work of one key one after another, in the order of the calls; works of different keys run side by side. */
export class KeyedQueue {
  private readonly tails = new Map<string, Promise<unknown>>();

  /** Keys with work that is not done. */
  get size(): number {
    return this.tails.size;
  }

  serialize<T>(key: string, work: () => Promise<T>): Promise<T> {
    const tail = this.tails.get(key);
    const result = tail ? tail.then(work, work) : work();
    const settled = result.then(nothing, nothing).then(() => {
      if (this.tails.get(key) === settled) this.tails.delete(key);
    });
    this.tails.set(key, settled);
    return result;
  }
}

const nothing = (): void => undefined;
