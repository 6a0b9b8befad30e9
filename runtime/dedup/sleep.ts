/** In a room of its own and without node:timers/promises, which takes its time at the start of each instance. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
