import type { Item } from './attribute-values.js';

/** A request that has been taken in. `finish` is when it takes effect. */
export interface Accepted {
  finish(): object | Promise<object>;
}

/** Where the tables are: in this process, or behind a real client. */
export interface Engine {
  readonly names: TableNames;
  /** Set before everything that a run writes, where tables are shared. */
  readonly prefix: string;
  /** @throws what the server answers to a request that it refuses at once. */
  start(command: { readonly input: object }): Accepted;
  read(table: string, key: Item): Item | undefined | Promise<Item | undefined>;
  put(table: string, item: Item): void | Promise<void>;
  /** All rows of a table. Only where it is a run's own. */
  rows?(table: string): readonly Item[];
  remove(table: string, key: Item): void | Promise<void>;
  forgetTokens(): void;
}

export interface TableNames {
  /** Partition key `id`. */
  readonly receipts: string;
  /** Partition key `name`. Counters, rows or aggregates, by the way. */
  readonly effects: string;
  /** Partition key `name`. */
  readonly rows: string;
  /** Partition key `stream`, sort key `version`. */
  readonly outbox: string;
}
