export * from './errors.js';
export { receiptId, TransportId, type ReceiptId } from './identity.js';
export { compareSequences, sequence, type Sequence } from './sequence.js';
export { fingerprintOf } from './fingerprint.js';
export { exactJsonText, parseJson } from './exact-json.js';
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
export { AggregateStore, type AggregateStoreOptions } from './aggregate-store.js';
export {
  fold,
  parkingBytes,
  parkingWindow,
  TooEarly,
  type Aggregate,
  type AggregateEvent,
  type EventOutcome,
  type Reducer,
} from './fold.js';
export { InsertStore, type Insertion } from './insert-store.js';
export type { Unit } from './pack.js';
export type { ReceiptDraft, Verdict } from './receipt.js';
export { Meter } from './meter.js';
