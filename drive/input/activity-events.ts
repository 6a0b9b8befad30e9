import { draw } from './draw.js';
import type { Purchase } from './purchases.js';

export type ActivityKind = 'view' | 'search' | 'buy';

/** What a customer did, as the activity queue takes it. */
export interface ActivityEvent {
  readonly eventId: string;
  readonly customer: string;
  readonly kind: ActivityKind;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** How many events a purchase makes. */
export const eventsPerPurchase = 2;

const firstAt = Date.UTC(1997, 0, 1);
/** A hundred events an hour: enough that the rows of an hour are shared, few enough that hours are told apart. */
const everyMs = 36_000;

/**
 * Each purchase makes a view or a search, and a buy. The data knows no times of day, so events are dealt out evenly
 * in the order of the data. The same purchases and seed make the same events.
 */
export async function* activityEvents(
  purchases: AsyncIterable<Purchase>,
  seed: number,
): AsyncGenerator<ActivityEvent> {
  let number = 0;
  for await (const { paymentId, customer } of purchases) {
    const first = draw(seed, 'activity', paymentId) < 0.5 ? 'view' : 'search';
    for (const kind of [first, 'buy'] as const) {
      const at = new Date(firstAt + everyMs * number).toISOString();
      yield { eventId: `${paymentId}-${kind}`, customer, kind, at };
      number += 1;
    }
  }
}

/** Kind and hour: what events are counted by. */
export function counterOf({ kind, at }: Pick<ActivityEvent, 'kind' | 'at'>): string {
  return `${kind}#${at.slice(0, 'YYYY-MM-DDTHH'.length)}`;
}
