import type { Publication } from './publication.js';
import { receiptBytes, type ReceiptDraft } from './receipt.js';
import { maxActions } from './transaction.js';
import { summed, type Write } from './write.js';

/**
 * One message, ready to be committed: its receipt and its writes. Units of one lane commit in order or not at all.
 */
export interface Unit {
  readonly receipt: ReceiptDraft;
  readonly writes: readonly Write[];
  /** Events for outboxes, in the order in which they were published. */
  readonly publications?: readonly Publication[];
  /** Messages of one lane (a FIFO group) keep their order: one that cannot commit holds back the later ones. */
  readonly lane: string;
}

/** Whose a write is, and what it was before it was joined with those of others. */
export interface Owner {
  readonly unit: Unit;
  readonly own: Write;
}

/** One write on one item, of everybody in the pack who writes it. */
export interface Effect {
  readonly write: Write;
  readonly owners: readonly Owner[];
}

/**
 * DynamoDB: at most 4 MB in one TransactWriteItems. A tenth is left for the receipts and for what the estimate
 * misses.
 */
export const maxBytes = 4 * 1024 * 1024 * 0.9;

/** Units that go into one TransactWriteItems, in order. */
export class Pack {
  readonly units: Unit[] = [];
  readonly effects = new Map<string, Effect>();
  readonly #receipts = new Set<string>();
  /** Receipts and outbox rows: actions that no two units share. */
  #own = 0;
  #bytes = 0;

  /** False of a single unit that is too large. */
  get fits(): boolean {
    return this.#bytes <= maxBytes;
  }

  /** Takes a unit in, if it goes together with those before it. The first one always does. */
  take(unit: Unit): boolean {
    const { receipt, writes, publications = [] } = unit;
    const joined: Write[] = [];
    let items = this.effects.size;
    for (const own of writes) {
      const present = this.effects.get(own.address.id)?.write;
      const both = present === undefined ? own : summed(present, own);
      if (both === undefined) return false;
      if (present === undefined) items += 1;
      joined.push(both);
    }
    const rows = actionsOf(receipt) + publications.length;
    const bytes = bytesOf(unit);
    if (
      this.units.length > 0 &&
      (this.#own + rows + items > maxActions ||
        this.#bytes + bytes > maxBytes ||
        this.#receipts.has(receipt.id))
    )
      return false;
    for (const [i, write] of joined.entries()) {
      const { id } = write.address;
      const owners = this.effects.get(id)?.owners ?? [];
      this.effects.set(id, { write, owners: [...owners, { unit, own: writes[i] ?? write }] });
    }
    this.units.push(unit);
    this.#receipts.add(receipt.id);
    this.#own += rows;
    this.#bytes += bytes;
    return true;
  }
}

/**
 * The first of the packs that the units make. A unit joins while it shares no item with those before it but for
 * increments that can be summed, and while both limits of DynamoDB hold; else it opens the next pack (R10).
 *
 * @param most units in one pack: lowered after a conflict, so that contenders get through.
 */
export function pack(units: readonly Unit[], most: number): Pack {
  const first = new Pack();
  for (const unit of units) if (first.units.length >= most || !first.take(unit)) break;
  return first;
}

/** Actions that a receipt takes beside the writes of its message. */
export function actionsOf({ at, migrating }: ReceiptDraft): number {
  if (at === undefined) return 1;
  return migrating === true ? 1 : 0;
}

export function bytesOf({ receipt, writes, publications = [] }: Unit): number {
  let bytes = receiptBytes(receipt);
  for (const publication of publications) bytes += publication.bytes;
  for (const write of writes) bytes += write.bytes ?? 0;
  return bytes;
}
