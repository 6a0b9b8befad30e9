import { setTimeout as sleep } from 'node:timers/promises';
import { newTable, row } from '../fixtures/dynamo.js';
import { newQueue, OutboxWorld } from './outbox-world.js';
import { Reader } from './readers.js';

export const accounts = ['ann', 'bob', 'cem', 'dee', 'eve'];
const types = ['Moved', 'Moved', 'Closed', 'Opened'];

/** Numerical Recipes' generator: the same order in every run. */
export function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}

/** A queue with a consumer that writes down what acted, in the order in which it acted. */
export interface Place {
  readonly name: string;
  readonly queueUrl: string;
  readonly reader: Reader;
  /** Types that it is sent. @default - all */
  readonly types?: readonly string[];
}

export interface Traffic {
  readonly world: OutboxWorld;
  readonly places: readonly Place[];
  readonly published: () => boolean;
}

interface Options {
  /** Queues beside the FIFO and the Standard one. */
  readonly more?: readonly {
    readonly name: string;
    readonly fifo: boolean;
    readonly types?: readonly string[];
  }[];
  /** Runs relays until everything is published and nothing is left. */
  readonly relay: (traffic: Traffic) => Promise<void>;
  /** Goes on publishing at least until this holds. */
  readonly enough?: () => boolean;
  readonly rounds?: number;
}

/** What a run came to. */
export interface Figures {
  readonly events: number;
  /** Commits that were refused, of which nothing may be heard. */
  readonly refused: number;
  /** Messages that each consumer received. */
  readonly received: Readonly<Record<string, number>>;
}

/**
 * Publishes while relays run, and consumers read: one from a FIFO queue, one from a Standard queue in random order,
 * and those that are asked for. Every fifth commit is refused. What the consumers wrote down is held against the
 * accounts' own counts and the rows: every event that a consumer is to be sent acted once, and in order.
 */
export async function traffic({
  more = [],
  relay,
  enough = () => true,
  rounds = 12,
}: Options): Promise<Figures> {
  const world = await OutboxWorld.open();
  const dead = await newQueue(world.queues, false);
  const asked = [{ name: 'fifo', fifo: true }, { name: 'standard', fifo: false }, ...more];
  const places = await Promise.all(
    asked.map(async ({ fifo, ...rest }): Promise<Place> => {
      const queueUrl = await newQueue(world.queues, fifo);
      return {
        ...rest,
        queueUrl,
        reader: new Reader(world, queueUrl, await newTable(world.client, 'account'), dead),
      };
    }),
  );
  let [published, relayed, refused] = [false, false, 0];
  const next = random(7);
  const publish = async () => {
    for (let round = 0; round < rounds || !enough(); round += 1) {
      // Enough to read for all consumers, while what is waited for comes.
      if (round >= rounds) await sleep(200);
      for (const account of accounts)
        await world.publish([account], { type: types[Math.floor(next() * types.length)] });
      if (round % 5 === 0) refused += (await world.publish(['ann'], { refused: true })).length;
    }
    published = true;
  };
  const read = async ({ reader }: Place) => {
    for (;;) {
      const last = relayed;
      if (!(await reader.turn(next)) && last) return;
    }
  };
  const relays = relay({ world, places, published: () => published }).finally(() => (relayed = true));
  await Promise.all([relays, publish(), ...places.map(read)]);

  const events = (await world.rows()).filter(({ data }) => data !== undefined);
  for (const account of accounts) {
    const { moves } = (await row(world.client, world.accounts, { name: account })) ?? {};
    const own = events.filter(({ stream }) => (JSON.parse(String(stream)) as string[]).at(-1) === account);
    expect(own.map(({ version }) => Number(version))).toEqual(
      Array.from({ length: Number(moves) }, (_, index) => index + 1),
    );
    for (const { name, reader, types: wanted } of places) {
      const all = own.filter(({ type }) => wanted?.includes(String(type)) ?? true);
      const expected = all.map(({ version }) => Number(version)).join(' ');
      expect(`${name}, ${account}: ${await reader.versions(account)}`).toBe(
        `${name}, ${account}: ${expected}`,
      );
    }
  }
  expect(await world.unsent()).toEqual([]);
  world.close();
  return {
    events: events.length,
    refused,
    received: Object.fromEntries(places.map(({ name, reader }) => [name, reader.received])),
  };
}
