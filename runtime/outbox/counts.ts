import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { WarmItems } from '../dynamodb/warm-items.js';

/** How far the events of one aggregate are counted. */
export interface Count {
  /** The stream that holds them. */
  readonly stream: string;
  /** Of the newest event, 0 for none. */
  readonly version: bigint;
  /**
   * The latest version of each type that there were. Under the empty text: up to where the count was adopted, of
   * which no types are known.
   */
  readonly latest: ReadonlyMap<string, bigint>;
  /** The count is of the first release, and goes on here. */
  readonly adopted?: boolean;
}

/** A moment on both clocks. */
export interface Moment {
  readonly wall: number;
  readonly steady: number;
}

export function now(): Moment {
  return { wall: Date.now(), steady: performance.now() };
}

/**
 * A row stays for at least an hour after it was sent, so a version that was given after this moment is still in the
 * way half an hour later; a memory that is older might give it twice.
 */
const memoryMs = 30 * 60 * 1000;
/** Bytes of counts kept in memory, per client. Each takes its names and about as much again. */
const memoryBytes = 1024 * 1024;

interface Known {
  readonly count: Count | 'doubted';
  readonly at: Moment;
}

/** The counts that this instance knows. Each is only a guess: a wrong one is refused by the row in its way. */
export class Counts {
  readonly #known = new WarmItems<Known>(memoryBytes);

  /** `doubted`: somebody may have counted on; only a consistent read tells. */
  get(id: string): Count | 'doubted' | undefined {
    const known = this.#known.get(id);
    if (known === undefined) return undefined;
    const { wall, steady } = now();
    // A frozen instance's steady clock may stand still, and a wall clock may be set back.
    if (Math.max(wall - known.at.wall, steady - known.at.steady) < memoryMs) return known.count;
    this.#known.delete(id);
    return undefined;
  }

  /** @param at before the write that made it was sent */
  set(id: string, count: Count, at: Moment): void {
    let bytes = 2 * id.length + 128;
    for (const type of count.latest.keys()) bytes += type.length + 64;
    this.#known.set(id, { count, at }, bytes);
  }

  doubt(id: string): void {
    this.#known.set(id, { count: 'doubted', at: now() }, id.length + 64);
  }
}

const ofClients = new WeakMap<DynamoDBClient, Counts>();

export function countsOf(client: DynamoDBClient): Counts {
  const counts = ofClients.get(client) ?? new Counts();
  ofClients.set(client, counts);
  return counts;
}

/** What the row of the next event says of the types before it: nothing where all were of its own. */
export function typesText(latest: Count['latest'], type: string): string | undefined {
  if (latest.size === 0 || (latest.size === 1 && latest.has(type))) return undefined;
  return JSON.stringify(Object.fromEntries([...latest].map(([name, version]) => [name, String(version)])));
}
