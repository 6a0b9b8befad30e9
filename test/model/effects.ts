import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { Item } from './attribute-values.js';
import type { Engine } from './engine.js';
import type { Invocation } from './invocation.js';

/** One message has acted once. */
export interface Acted {
  readonly token: string;
  readonly author: Invocation;
  /** Number of the commit: messages of one commit act at the same moment. */
  readonly commit: number;
  /** It had been parked in the item before, also where somebody who gave it up has taken it out of there since. */
  readonly wasParked: boolean;
}

/** How effects show in the rows of one way. */
export interface Reading {
  /** Tokens that a change of one row of the effects table has made act, each as often as it did. */
  acted(before: Item | undefined, after: Item | undefined): string[];
  /** Whether a row holds a message for later. */
  holds(row: Item | undefined, token: string): boolean;
}

interface Place {
  readonly table: string;
  readonly key: Item;
}

/** What the inputs of requests on one item have in common. Only a read says how consistent it wants to be. */
interface Target {
  TableName?: string;
  Key?: Item;
  Item?: Item;
  ConsistentRead?: boolean;
}

/**
 * Watches the tables from outside: what became durable, by whom, and in which order. Knows nothing of receipts but
 * their life.
 */
export class Effects {
  readonly journal: Acted[] = [];
  /**
   * Every write of a row of the effects table, also of one that made nobody act. `acted`: length of the journal
   * before.
   */
  readonly writes: { readonly name: string; readonly author: Invocation; readonly acted: number }[] = [];
  /** What no commit may do to a receipt, if one did. */
  broken: string | undefined;
  #commits = 0;
  /** What each row of the effects table has been before each of its writes. */
  readonly #states = new Map<string, (Item | undefined)[]>();

  constructor(
    private readonly engine: Engine,
    private readonly reading: Reading,
  ) {}

  /** Runs one request and takes down what it changed. */
  async watch(
    command: { readonly input: object },
    author: Invocation,
    act: () => Promise<object>,
  ): Promise<object> {
    const places = this.#written(command.input);
    const before = await this.#read(places);
    const answer = await act();
    if (places.length === 0) return answer;
    const after = await this.#read(places);
    this.#commits += 1;
    for (const [i, { table, key }] of places.entries())
      // Rows with a '!' are what is known of failures, no receipts.
      if (table === this.engine.names.receipts) {
        if (after[i]?.id?.S?.includes('!') !== true) this.#receipt(before[i], after[i]);
      } else {
        const name = key.name?.S ?? '';
        const states = [...(this.#states.get(name) ?? []), before[i]];
        this.#states.set(name, states);
        this.writes.push({ name, author, acted: this.journal.length });
        for (const token of this.reading.acted(before[i], after[i])) {
          const wasHeld = states.some((state) => this.reading.holds(state, token));
          const wasParked = wasHeld || this.#hasEarlyRow(token);
          this.journal.push({ token, author, commit: this.#commits, wasParked });
        }
      }
    return answer;
  }

  /** Kept in a row of its own, for want of room in the item. */
  #hasEarlyRow(token: string): boolean {
    const rows = this.engine.rows?.(this.engine.names.receipts) ?? [];
    const says = new RegExp(`${token}\\\\?"`);
    return rows.some(({ id, carried }) => id?.S?.includes('!early#') && says.test(carried?.S ?? ''));
  }

  holds(row: Item | undefined, token: string): boolean {
    return this.reading.holds(row, token);
  }

  times(token: string): number {
    return this.journal.filter((acted) => acted.token === token).length;
  }

  /** A receipt comes with its effects and whole, and only ever lives longer. */
  #receipt(before: Item | undefined, after: Item | undefined): void {
    if (after !== undefined && after.status === undefined)
      this.broken = `receipt ${after.id?.S} was made by something that is no commit`;
    if (Number(after?.expiration?.N) < Number(before?.expiration?.N))
      this.broken = `the life of receipt ${after?.id?.S} became shorter`;
  }

  #written(input: object): Place[] {
    const { TransactItems, ...single } = input as Target & { TransactItems?: TransactWriteItem[] };
    const targets = TransactItems?.map(({ Put, Update }): Target => Put ?? Update ?? {}) ?? [single];
    const { receipts, effects } = this.engine.names;
    return targets.flatMap(({ TableName: table, Key, Item: item, ConsistentRead }) => {
      if ((table !== receipts && table !== effects) || ConsistentRead !== undefined) return [];
      const attribute = table === receipts ? 'id' : 'name';
      const value = (Key ?? item)?.[attribute];
      return value === undefined ? [] : [{ table, key: { [attribute]: value } }];
    });
  }

  async #read(places: readonly Place[]): Promise<(Item | undefined)[]> {
    return Promise.all(places.map(async ({ table, key }) => this.engine.read(table, key)));
  }
}
