import { AsyncLocalStorage } from 'node:async_hooks';

/** Whoever runs inside the model. What it awaits keeps it, so that clocks and calls know whose they are. */
export interface Resident {
  /** Epoch milliseconds by this one's own clock. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

export const resident = new AsyncLocalStorage<Resident>();

/** Stands in for runtime/dedup/sleep.ts: a sleep is one of the things that the model may let end. */
export async function sleep(ms: number): Promise<void> {
  const sleeper = resident.getStore();
  if (sleeper === undefined)
    throw new Error('somebody outside the model sleeps; this is a defect of the test');
  await sleeper.sleep(ms);
}

/** Inside the model, clocks are those of the model, and jitter is the same in every replay. @returns how to undo it. */
export function installModelTime(): () => void {
  const { now } = Date;
  const { random } = Math;
  Date.now = () => resident.getStore()?.now() ?? now();
  Math.random = () => (resident.getStore() === undefined ? random() : 0.5);
  return () => {
    Date.now = now;
    Math.random = random;
  };
}
