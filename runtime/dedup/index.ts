export * from './errors.js';
export { receiptId, TransportId, type ReceiptId } from './identity.js';
export { compareSequences, sequence, type Sequence } from './sequence.js';
export { fingerprintOf } from './fingerprint.js';
export { table, type Row, type Table } from '../dynamodb/table.js';
export { Transaction } from '../dynamodb/transaction.js';
export type { Change, WriteCondition } from '../dynamodb/write.js';
export {
  DynamoStore,
  type CommitLimits,
  type CommitOutcome,
  type DynamoStoreOptions,
  type UnitOutcome,
} from '../dynamodb/dynamo-store.js';
export { commitHandlings, Handling, type HandlingOutcome, type Work } from '../dynamodb/handling.js';
export type { Publication, Publisher } from '../dynamodb/publication.js';
export { AggregateStore, type AggregateStoreOptions } from '../dynamodb/aggregate-store.js';
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
export { InsertStore, type Insertion } from '../dynamodb/insert-store.js';
export type { Unit } from '../dynamodb/pack.js';
export type { ReceiptDraft, Verdict } from '../dynamodb/receipt.js';
export { Meter } from './meter.js';
