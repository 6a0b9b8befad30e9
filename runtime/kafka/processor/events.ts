import type { TopicPartition } from './client-port.js';

/** What happens in a processor, for metrics and logs. Nothing of a record's contents is in it (R59). */
export type ProcessorEvent =
  | { readonly kind: 'started'; readonly transactionalId: string }
  /** Where each partition begins that is now this process's. */
  | {
      readonly kind: 'assigned';
      readonly partitions: readonly (TopicPartition & { readonly offset: number })[];
    }
  | { readonly kind: 'revoked'; readonly partitions: readonly TopicPartition[] }
  | { readonly kind: 'committed'; readonly messages: number; readonly sent: number; readonly ms: number }
  /** Every 5 s: how far this process's partitions are behind the last stable offset of their topics. */
  | { readonly kind: 'lag'; readonly records: number }
  /** Nothing of it is visible; its messages come again in the next transaction. */
  | { readonly kind: 'aborted'; readonly messages: number; readonly inARow: number; readonly error: unknown }
  /** Its partition waits, the others go on. */
  | ({
      readonly kind: 'failed';
      readonly failures: number;
      readonly waitMs: number;
      readonly error: unknown;
    } & Place)
  | ({ readonly kind: 'dead-lettered'; readonly failures: number; readonly error: unknown } & Place)
  | { readonly kind: 'stopped' };

interface Place extends TopicPartition {
  readonly offset: string;
}
