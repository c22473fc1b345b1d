/** Does the work of each index from 0, `atOnce` of them side by side. Once one has failed, none is begun any more. */
export async function forEachConcurrently(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const oneByOne = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++)
      try {
        await work(index);
      } catch (error) {
        next = count;
        throw error;
      }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, oneByOne));
}
