/** One step of the schema. Once released its text never changes: what is wrong with it is mended by a later one. */
export interface Migration {
  /** Steps are applied in the order of these. 1 to 9: of consumers; from 10: of the outbox. */
  readonly version: number;
  readonly name: string;
  /** Statements, in one text. They run in one transaction with the note that they have. */
  readonly sql: string;
}
