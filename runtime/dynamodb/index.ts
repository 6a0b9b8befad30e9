export * from '../dedup/errors.js';
export { receiptId, TransportId, type ReceiptId } from '../dedup/identity.js';
export { compareSequences, sequence, type Sequence } from '../dedup/sequence.js';
export { fingerprintOf } from '../dedup/fingerprint.js';
export { exactJsonText, parseJson } from '../dedup/exact-json.js';
export { table, type Row, type Table } from './table.js';
export { Transaction } from './transaction.js';
export type { Change, WriteCondition } from './write.js';
export { DynamoStore } from './dynamo-store.js';
export type { DynamoStoreOptions } from './store-options.js';
export type { UnitOutcome } from './attempt-result.js';
export type { Limits } from '../dedup/limits.js';
export type { Outcome, Outcomes } from '../dedup/outcome.js';
export type { Committed, Identified, Prepared, Turn, Way } from '../dedup/way.js';
export { commitHandlings, Handling, type Work } from './handling.js';
export { transactionWay, type Handlers, type Received, type RowReceipt } from './transaction-way.js';
export { insertWay, type Arrived } from './insert-way.js';
export type { Enqueuer, Publication, Publisher } from './publication.js';
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
export { storedResult, type ReceiptDraft } from './receipt.js';
export { Meter } from '../dedup/meter.js';
