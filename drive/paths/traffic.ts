import type { PaymentClient } from './client.js';
import type { Journal } from '../audit/journal.js';
import type { Purchase } from '../input/purchases.js';
import type { QueueDuplicates } from './queue-duplicates.js';

export interface TrafficOptions {
  purchases: AsyncIterable<Purchase>;
  client: Pick<PaymentClient, 'send'>;
  journal: Pick<Journal, 'record'>;
  /** @default - none */
  duplicates?: QueueDuplicates;
  /** Requests under way at once. @default 8 */
  concurrency?: number;
  /** Awaited before a payment is sent. @default - nothing */
  gate?: () => Promise<void>;
  /** Called after each accepted payment. */
  onAccepted?: (so: Traffic) => void;
  signal?: AbortSignal;
}

export interface Traffic {
  /** Payments accepted by the API. */
  readonly sent: number;
  /** Attempts beyond the first. */
  readonly retries: number;
}

/**
 * Sends every purchase: journal first, then the request, then its duplicate if it has one.
 *
 * A customer's purchases are sent one after another, each after the one before it was accepted; different customers
 * go side by side. What is read ahead is bounded, so any number of purchases runs in the same memory.
 *
 * @throws whatever the client, the journal or the reader throws first; no request is under way any more then
 */
export async function driveTraffic(options: TrafficOptions): Promise<Traffic> {
  const { client, journal, duplicates, concurrency = 8 } = options;
  const readAhead = concurrency * 16;
  const lastOf = new Map<string, Promise<void>>();
  const waiting = new Set<Promise<void>>();
  const slots = slotsOf(concurrency);
  const traffic = { sent: 0, retries: 0 };
  let failure: { error: unknown } | undefined;

  const send = async (purchase: Purchase, previous: Promise<void> | undefined): Promise<void> => {
    await previous;
    const release = await slots();
    try {
      if (failure !== undefined) return;
      options.signal?.throwIfAborted();
      await options.gate?.();
      await journal.record(purchase);
      const attempts = await client.send(purchase);
      await duplicates?.afterAccepted(purchase);
      traffic.sent += 1;
      traffic.retries += attempts - 1;
      options.onAccepted?.(traffic);
    } catch (error) {
      failure ??= { error };
    } finally {
      release();
    }
  };

  try {
    for await (const purchase of options.purchases) {
      while (waiting.size >= readAhead) await Promise.race(waiting);
      if (failure !== undefined) break;
      const task = send(purchase, lastOf.get(purchase.customer));
      lastOf.set(purchase.customer, task);
      waiting.add(task);
      void task.then(() => {
        waiting.delete(task);
        if (lastOf.get(purchase.customer) === task) lastOf.delete(purchase.customer);
      });
    }
  } catch (error) {
    failure ??= { error };
  }
  await Promise.all(waiting);
  if (failure !== undefined) throw failure.error;
  await duplicates?.flush();
  return traffic;
}

/** Hands out up to `count` slots; a caller waits for one and gives it back with what it got. */
function slotsOf(count: number): () => Promise<() => void> {
  let free = count;
  const queue: (() => void)[] = [];
  const release = () => {
    const next = queue.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return async () => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => queue.push(resolve));
    return release;
  };
}
