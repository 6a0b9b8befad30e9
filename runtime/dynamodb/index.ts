export * from '../dedup/errors.js';
export { receiptId, TransportId, type ReceiptId } from '../dedup/identity.js';
export { compareSequences, sequence, type Sequence } from '../dedup/sequence.js';
export { fingerprintOf } from '../dedup/fingerprint.js';
export { table, type Row, type Table } from './table.js';
export { Transaction } from './transaction.js';
export type { Change, WriteCondition } from './write.js';
export {
  DynamoStore,
  type CommitLimits,
  type CommitOutcome,
  type DynamoStoreOptions,
  type UnitOutcome,
} from './dynamo-store.js';
export { commitHandlings, Handling, type HandlingOutcome, type Work } from './handling.js';
export type { Publication, Publisher } from './publication.js';
export { AggregateStore, type AggregateCommitted, type AggregateStoreOptions } from './aggregate-store.js';
export {
  fold,
  parkingBytes,
  parkingWindow,
  type Aggregate,
  type AggregateEvent,
  type Reducer,
} from '../dedup/fold.js';
export { listGaps, type Gap } from './gaps.js';
export { InsertStore, type Insertion } from './insert-store.js';
export type { Unit } from './pack.js';
export type { ReceiptDraft, Verdict } from './receipt.js';
export { Meter } from '../dedup/meter.js';
