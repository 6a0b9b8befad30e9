/** Does something with each of many, so many at a time. What one throws is its own answer, and stops nobody. */
export async function sideBySide<T>(
  many: Iterable<T>,
  atOnce: number,
  act: (one: T) => Promise<void>,
): Promise<Map<T, unknown>> {
  const failed = new Map<T, unknown>();
  const waiting = [...many].values();
  const work = async () => {
    for (const one of waiting)
      try {
        await act(one);
      } catch (error) {
        failed.set(one, error);
      }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return failed;
}
