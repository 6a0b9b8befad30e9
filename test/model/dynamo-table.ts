import { notFound, validation } from './dynamo-errors.js';
import type { Item } from './attribute-values.js';

/** How many versions of a row an eventually consistent read may see, the newest included. */
const remembered = 6;

/** One table: its rows with what they were before, and which of them a running transaction holds. */
export class DynamoTable {
  readonly #rows = new Map<string, (Item | undefined)[]>();
  readonly #heldBy = new Map<string, object>();

  /** Key attributes of its indexes, by name. */
  readonly indexes = new Map<string, readonly string[]>();

  constructor(readonly keyAttributes: readonly string[]) {}

  /** The text that addresses an item, made of its key attributes. @throws ValidationException when one is missing. */
  rowId(source: Item, exactly = false): string {
    if (exactly && Object.keys(source).length !== this.keyAttributes.length)
      throw validation('The provided key element does not match the schema');
    return JSON.stringify(
      this.keyAttributes.map((attribute) => {
        const value = source[attribute];
        if (value === undefined)
          throw validation(
            `One or more parameter values were invalid: Missing the key ${attribute} in the item`,
          );
        return value.S ?? { N: value.N };
      }),
    );
  }

  keyOf(source: Item): Item {
    return Object.fromEntries(
      Object.entries(source).filter(([attribute]) => this.keyAttributes.includes(attribute)),
    );
  }

  /** @param back how many versions ago; 0 is now. */
  read(rowId: string, back = 0): Item | undefined {
    const versions = this.#rows.get(rowId) ?? [];
    return versions[Math.max(0, versions.length - 1 - back)];
  }

  write(rowId: string, item: Item | undefined): void {
    const versions = this.#rows.get(rowId) ?? [undefined];
    versions.push(item);
    if (versions.length > remembered) versions.shift();
    this.#rows.set(rowId, versions);
  }

  get items(): Item[] {
    return [...this.#rows.values()].map((versions) => versions.at(-1)).filter((item) => item !== undefined);
  }

  /** As one sees them who has not heard of the last row that was made. */
  get itemsBefore(): Item[] {
    const last = [...this.#rows.keys()].at(-1);
    return this.items.filter((item) => this.rowId(item) !== last);
  }

  isHeld(rowId: string): boolean {
    return this.#heldBy.has(rowId);
  }
  hold(rowId: string, transaction: object): void {
    this.#heldBy.set(rowId, transaction);
  }
  release(rowId: string): void {
    this.#heldBy.delete(rowId);
  }
}

export class DynamoTables {
  readonly #tables = new Map<string, DynamoTable>();

  create(name: string, ...keyAttributes: string[]): DynamoTable {
    const table = new DynamoTable(keyAttributes);
    this.#tables.set(name, table);
    return table;
  }

  /** Undefined when there is no such table. */
  keysOf(name: string | undefined): readonly string[] | undefined {
    return this.#tables.get(name ?? '')?.keyAttributes;
  }

  /** @throws ResourceNotFoundException */
  get(name: string | undefined): DynamoTable {
    const table = this.#tables.get(name ?? '');
    if (table === undefined) throw notFound();
    return table;
  }
}
