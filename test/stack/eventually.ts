import { setTimeout as sleep } from 'node:timers/promises';

/** Long enough for a slow target, whose tests end as soon as what they wait for is there. */
const patienceMs = 240_000;

/** Reads until `done` is true of what was read, and returns it. */
export async function eventually<T>(
  what: string,
  read: () => Promise<T>,
  done: (value: T) => boolean,
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const value = await read();
    if (done(value)) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}: ${JSON.stringify(value)}`);
    await sleep(200);
  }
}
