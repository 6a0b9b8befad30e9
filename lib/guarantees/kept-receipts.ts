import type { Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

const kept = new WeakMap<IConstruct, Duration>();

/** Notes that a consumer keeps a receipt of each message, and for how long. */
export function keepReceipts(consumer: IConstruct, retention: Duration): void {
  kept.set(consumer, retention);
}

/** How long a consumer keeps its receipts. Undefined where it keeps none: its effects are their own proof. */
export function receiptsKeptBy(consumer: IConstruct): Duration | undefined {
  return kept.get(consumer);
}
