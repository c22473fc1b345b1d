/** Calls `work` for each index from 0, at most `concurrency` at a time. After a failure it starts no further calls. */
export async function forEachConcurrently(
  count: number,
  concurrency: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++)
      try {
        await work(index);
      } catch (error) {
        next = count;
        throw error;
      }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, worker));
}
