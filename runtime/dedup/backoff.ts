import { sleep } from './sleep.js';

const baseMs = 20;
const capMs = 1_000;

/**
 * Exponential, full jitter: contenders that met once do not meet again. Never sleeps past the deadline (epoch
 * milliseconds).
 */
export async function backoff(attempts: number, deadline: number): Promise<void> {
  const ceiling = Math.min(capMs, baseMs * 2 ** attempts, Math.max(0, deadline - Date.now()));
  await sleep(Math.random() * ceiling);
}
