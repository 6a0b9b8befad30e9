import { randomBytes } from 'node:crypto';
import {
  debezium,
  MemoryLog,
  runSink,
  SinkUnavailable,
  type DeadLetter,
  type Sink,
  type SinkRunOptions,
  type TopicPartition,
} from '../../runtime/cdc/index.js';
import { changeEvent, systemId } from './debezium-record.js';
import type { OpenedSink } from './sink-contract.js';

/** A row as its table may be told it. */
export type Row = Readonly<Record<string, unknown>>;

/** What Debezium tells of a large value that an update left as it was. */
export const unavailable = '__debezium_unavailable_value';

export interface FaultExpectations {
  /** Rows that this sink can never hold, by what is wrong with them, and the name of the error for each. */
  readonly refused: readonly (readonly [what: string, row: Row, error: string])[];
  /** A row after somebody has added a column, where the sink takes it as it is. @default - it is among `refused` */
  readonly wider?: Row;
  /** A table of rows, which a new row may not fill up from an old one. @default - a log of changes */
  readonly keepsRows?: boolean;
}

/**
 * What goes wrong in the middle of a log, at a real store: a typed error without dead letters, a letter with them,
 * and the offset never passes a record that is neither written nor a letter.
 */
export function sinkFaultContract(
  name: string,
  open: () => Promise<OpenedSink>,
  { refused, wider, keepsRows = false }: FaultExpectations,
): void {
  describe(`${name}, when something goes wrong in the middle of a log`, () => {
    let world: OpenedSink;
    let log: MemoryLog;
    let at: TopicPartition;
    let ordinal = 0;
    beforeAll(async () => {
      world = await open();
    });
    beforeEach(async () => {
      await world.clear();
      log = new MemoryLog();
      [at] = log.create(world.topic, 1, randomBytes(16).toString('base64url')) as [TopicPartition];
    });
    afterAll(async () => world.close());

    const append = (rows: readonly Row[]) => {
      for (const after of rows) log.append(at, changeEvent({ after, ordinal: (ordinal += 1) }));
    };
    const good = (from: number, to: number): Row[] =>
      Array.from({ length: to - from }, (_, i) => ({ id: `r${from + i}`, v: 'x' }));
    const run = (options: Partial<SinkRunOptions> = {}) =>
      runSink({
        source: log,
        sink: world.sink(),
        decode: debezium({ systemId }),
        stopAtEnd: true,
        patienceMs: 0,
        ...options,
      });
    const ids = async () => (await world.held()).map(({ id }) => id).sort();
    const stands = async () => (await world.sink().open(at)).next;

    /** Two rows, the record, two rows: stops before it; passes it only as a letter. */
    const refuses = async (error: string) => {
      for (let life = 0; life < 2; life += 1)
        await expect(run()).rejects.toMatchObject({ name: error, offset: 2n, fault: 'message' });
      expect(await stands()).toBe(2n);
      expect(await ids()).toEqual(['r0', 'r1']);
      // Letters that cannot be kept hold it up, too.
      const full = { send: () => Promise.reject(new SinkUnavailable('letters', 'is full')) };
      await expect(run({ deadLetters: full })).rejects.toThrow(SinkUnavailable);
      expect(await stands()).toBe(2n);
      const letters: DeadLetter[] = [];
      const deadLetters = { send: (letter: DeadLetter) => Promise.resolve(void letters.push(letter)) };
      const [summary] = await run({ deadLetters });
      expect(summary).toMatchObject({ next: 5n, deadLetters: 1 });
      expect(letters.map((letter) => [letter.error.name, letter.record.offset])).toEqual([[error, 2n]]);
      expect(await ids()).toEqual(['r0', 'r1', 'r2', 'r3']);
    };

    test.each([
      ['no JSON', '{"op":'],
      ['no UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
      ['JSON that is no change', '{"a":1}'],
    ])('a record that is %s is refused by name', async (_, value) => {
      append(good(0, 2));
      log.append(at, { key: '{"id":"x"}', value });
      append(good(2, 4));
      await refuses('UndecodableRecord');
    });

    test.each(refused)('a row %s is refused by name', async (_, row, error) => {
      append(good(0, 2));
      append([row]);
      append(good(2, 4));
      await refuses(error);
    });

    // A log of changes has no older row that could fill up a new one.
    (keepsRows ? test : test.skip)(
      'a deleted row whose key another one takes over leaves no large value to it',
      async () => {
        append(good(0, 2));
        const moved = [
          changeEvent({ op: 'd', before: { id: 'r1' }, ordinal: (ordinal += 1) }),
          changeEvent({ op: 'd', before: { id: 'r0' }, ordinal: (ordinal += 1) }),
          changeEvent({ after: { id: 'r1', v: unavailable }, ordinal: (ordinal += 1) }),
        ];
        for (const event of moved) log.append(at, event);
        await expect(run()).rejects.toMatchObject({ name: 'ValueMissing', offset: 4n });
        expect(await ids()).toEqual([]);
      },
    );

    // A store with fixed columns has none for it: there such a row is among those that are refused.
    (wider === undefined ? test.skip : test)('a row with a column more is kept with it', async () => {
      append([...good(0, 2), wider ?? {}, ...good(2, 4)]);
      await run();
      expect(await stands()).toBe(5n);
      expect(await ids()).toEqual(['r0', 'r1', 'r2', 'r3', 'w']);
    });

    test('a store that is full for a while is asked again with the same batch, and nothing is passed meanwhile', async () => {
      append(good(0, 8));
      let refusals = 0;
      const sink: Sink = {
        name: 'full',
        open: (partition) => world.sink().open(partition),
        write: async (batch) => {
          // The second batch meets it.
          if (batch.from.next < 4n || refusals >= 2) return world.sink().write(batch);
          refusals += 1;
          const before = await stands();
          await expect(world.unusable().write(batch)).rejects.toThrow(SinkUnavailable);
          expect(await stands()).toBe(before);
          return world.unusable().write(batch);
        },
      };
      await run({ sink, batch: { rows: 4 }, patienceMs: 60_000 });
      expect(refusals).toBe(2);
      expect(await stands()).toBe(8n);
      expect(await ids()).toEqual(good(0, 8).map(({ id }) => id));
      expect((await world.held()).filter(({ writes = 1 }) => writes !== 1)).toEqual([]);
    });

    test('a store that stays full ends the run with its own error', async () => {
      append(good(0, 2));
      const sink: Sink = {
        name: 'full',
        open: (partition) => world.sink().open(partition),
        write: (batch) => world.unusable().write(batch),
      };
      await expect(run({ sink })).rejects.toMatchObject({ name: 'SinkUnavailable', fault: 'dependency' });
      expect(await stands()).toBe(0n);
    });
  });
}
