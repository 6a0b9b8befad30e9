import { AsyncLocalStorage } from 'node:async_hooks';

/** Whoever runs inside the model. What it awaits keeps it, so that clocks and calls know whose they are. */
export interface Resident {
  /** Epoch milliseconds by this one's own clock. */
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Calls back when so much of the model's time has passed. @returns how to have it not do so. */
  timer(ms: number, ring: () => void): () => void;
}

export const resident = new AsyncLocalStorage<Resident>();

/** Stands in for runtime/dedup/sleep.ts: a sleep is one of the things that the model may let end. */
export async function sleep(ms: number): Promise<void> {
  const sleeper = resident.getStore();
  if (sleeper === undefined)
    throw new Error('somebody outside the model sleeps; this is a defect of the test');
  await sleeper.sleep(ms);
}

/** A timer of the model, as `setTimeout` gives it out. */
class Timer {
  constructor(readonly stop: () => void) {}
  unref(): this {
    return this;
  }
}

/**
 * Inside the model, clocks and timers are those of the model, and jitter is the same in every replay. @returns how to
 * undo it.
 */
export function installModelTime(): () => void {
  const { setTimeout, clearTimeout } = globalThis;
  const { now } = Date;
  const { random } = Math;
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const ticks = performance.now.bind(performance);
  Date.now = () => resident.getStore()?.now() ?? now();
  Math.random = () => (resident.getStore() === undefined ? random() : 0.5);
  performance.now = () => resident.getStore()?.now() ?? ticks();
  const start = (ring: () => void, ms = 0) => {
    const owner = resident.getStore();
    return owner === undefined ? setTimeout(ring, ms) : new Timer(owner.timer(ms, ring));
  };
  globalThis.setTimeout = start as unknown as typeof setTimeout;
  globalThis.clearTimeout = (timer) => (timer instanceof Timer ? timer.stop() : clearTimeout(timer));
  AbortSignal.timeout = (ms) => {
    const owner = resident.getStore();
    if (owner === undefined) return timeout(ms);
    const ending = new AbortController();
    owner.timer(ms, () => ending.abort(new DOMException('time is over', 'TimeoutError')));
    return ending.signal;
  };
  return () => {
    Object.assign(AbortSignal, { timeout });
    Object.assign(globalThis, { setTimeout, clearTimeout });
    Object.assign(Date, { now });
    Object.assign(Math, { random });
    performance.now = ticks;
  };
}
