/** Runs the tasks of one key one after another, in call order. Tasks of different keys run concurrently. */
export class KeyedQueue {
  private readonly tails = new Map<string, Promise<unknown>>();

  /** How many keys have unfinished tasks. */
  get size(): number {
    return this.tails.size;
  }

  serialize<T>(key: string, task: () => Promise<T>): Promise<T> {
    const tail = this.tails.get(key);
    const result = tail ? tail.then(task, task) : task();
    const settled = result.then(noop, noop).then(() => {
      if (this.tails.get(key) === settled) this.tails.delete(key);
    });
    this.tails.set(key, settled);
    return result;
  }
}

const noop = (): void => undefined;
