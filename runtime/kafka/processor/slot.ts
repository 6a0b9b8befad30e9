import { leaseId, type Lease, type LeaseRow } from '../../dedup/lease-store.js';
import { sleep } from '../../dedup/sleep.js';
import { SlotLost, SlotsTaken } from './errors.js';
import type { SlotLeases } from './options.js';

/** Which of its group's processes this is. */
export interface Slot {
  readonly number: number;
  /** Another may have it at once. */
  free(): Promise<void>;
}

const pollMs = 500;

/**
 * Takes a free slot. A lease that ends too early by somebody's clock costs a process, never a record: what counts is
 * that Kafka fences the transactional id, the lease only keeps two processes from fencing each other in turns.
 *
 * @param onLost called once when the slot is another's: the process must end
 * @throws SlotsTaken
 */
export async function takeSlot(
  consumerName: string,
  slot: number | SlotLeases,
  onLost: (error: SlotLost) => void,
): Promise<Slot> {
  if (typeof slot === 'number') return { number: slot, free: () => Promise.resolve() };
  const { count, durationMs = 15_000, waitMs = 60_000, store } = slot;
  const until = performance.now() + waitMs;
  for (;;) {
    for (let number = 0; number < count; number += 1) {
      const lease = await claimed(consumerName, number, { store, durationMs });
      if (lease !== undefined) return kept(consumerName, number, lease, { store, durationMs }, onLost);
    }
    if (performance.now() > until) throw new SlotsTaken(consumerName, count, waitMs);
    await sleep(pollMs);
  }
}

type Leasing = Pick<Required<SlotLeases>, 'store' | 'durationMs'>;

async function claimed(
  consumerName: string,
  number: number,
  { store, durationMs }: Leasing,
): Promise<Lease | undefined> {
  const id = leaseId(consumerName, 'kafka-slot', String(number));
  const row = await store.read(id);
  if (row !== undefined && row.status !== 'FREE' && store.now() < row.endsAt) return undefined;
  const answer = await store.claim({ id, durationMs }, row && { row, inDoubt: false });
  return isLease(answer) ? answer : undefined;
}

function isLease(answer: Lease | LeaseRow): answer is Lease {
  return 'sentAt' in answer;
}

function kept(
  consumerName: string,
  number: number,
  lease: Lease,
  { store, durationMs }: Leasing,
  onLost: (error: SlotLost) => void,
): Slot {
  let held: Lease | undefined = lease;
  const lose = (cause?: unknown) => {
    if (held === undefined) return;
    held = undefined;
    clearInterval(timer);
    onLost(new SlotLost(consumerName, number, { cause }));
  };
  const renew = async () => {
    const before = held;
    if (before === undefined) return;
    try {
      const renewed = await store.renew(before, durationMs);
      if (renewed === undefined) lose();
      else if (held === before) held = renewed;
    } catch (error) {
      // The next renewal may get through, as long as the lease lasts.
      if (performance.now() - before.sentAt > durationMs) lose(error);
    }
  };
  const timer = setInterval(() => void renew(), durationMs / 3);
  timer.unref();
  return {
    number,
    free: async () => {
      clearInterval(timer);
      const last = held;
      held = undefined;
      // A lease that cannot be freed ends by itself.
      if (last !== undefined) await store.free(last).catch(() => undefined);
    },
  };
}
