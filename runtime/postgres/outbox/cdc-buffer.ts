import { lsnNumber } from './lsn.js';
import { isPartOf, type Position } from './position.js';
import { storedEvent, type StoredRow } from './stored-event.js';

/** What pgoutput says, as far as it is heeded. */
export type Decoded =
  | { readonly tag: 'begin'; readonly commitLsn: string | null }
  | {
      readonly tag: 'insert';
      readonly relation: { readonly schema: string; readonly name: string };
      readonly new: Readonly<Record<string, unknown>>;
    }
  | { readonly tag: 'commit'; readonly commitEndLsn: string | null; readonly commitTime: unknown }
  | { readonly tag: 'message' | 'relation' | 'type' | 'origin' | 'update' | 'delete' | 'truncate' };

/** Events to be sent, and where the log is read to when they are. */
export interface CdcBatch {
  readonly rows: readonly StoredRow[];
  readonly position: Position;
  /** Of the last commit. */
  readonly committedAt: Date;
}

/** Gathers what is decoded until it is sent. A large transaction may be sent in parts. */
export class CdcBuffer {
  #rows: StoredRow[] = [];
  #bytes = 0;
  #end: string;
  #committedAt: Date;
  /** The transaction that is being read, and how many of its events are. */
  #open: { readonly commit: string; ordinal: number } | undefined;
  #changed = false;
  readonly #from: Position;
  readonly #table: { readonly schema: string; readonly name: string };

  /** @param from where the last batch ended: what was sent of a transaction in part is not sent again */
  constructor(from: Position, table: { readonly schema: string; readonly name: string }, at: Date) {
    this.#from = from;
    this.#table = table;
    this.#end = from.end;
    this.#committedAt = at;
  }

  get events(): number {
    return this.#rows.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Something was read that makes another position. */
  get isChanged(): boolean {
    return this.#changed;
  }

  /** No transaction is being read. */
  get isBetween(): boolean {
    return this.#open === undefined;
  }

  add(message: Decoded): void {
    if (message.tag === 'begin') this.#open = { commit: message.commitLsn ?? '0/0', ordinal: 0 };
    else if (message.tag === 'insert') this.#insert(message);
    else if (message.tag === 'commit') {
      this.#open = undefined;
      // Never by what its changes say: see lsn.ts.
      const end = message.commitEndLsn ?? '0/0';
      if (lsnNumber(end) > lsnNumber(this.#end)) this.#end = end;
      this.#committedAt = new Date(Number(BigInt(String(message.commitTime)) / 1000n));
      this.#changed = true;
    }
  }

  #insert({ relation, new: columns }: Extract<Decoded, { tag: 'insert' }>): void {
    if (relation.schema !== this.#table.schema || relation.name !== this.#table.name) return;
    const open = (this.#open ??= { commit: '0/0', ordinal: 0 });
    open.ordinal += 1;
    if (isPartOf(this.#from, open.commit) && open.ordinal <= (this.#from.partial?.ordinal ?? 0)) return;
    const stored = storedEvent(columns);
    this.#rows.push(stored);
    this.#bytes += Buffer.byteLength(stored.row.data);
    this.#changed = true;
  }

  /** What was gathered, which begins anew. */
  take(): CdcBatch {
    const { systemId, timeline } = this.#from;
    const batch: CdcBatch = {
      rows: this.#rows,
      position: {
        ...{ systemId, timeline, end: this.#end },
        ...(this.#open !== undefined && { partial: { ...this.#open } }),
      },
      committedAt: this.#committedAt,
    };
    this.#rows = [];
    this.#bytes = 0;
    this.#changed = false;
    return batch;
  }
}
