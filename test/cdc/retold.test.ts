import * as fc from 'fast-check';
import { debezium, logSide, MemoryLog, runSink, type TopicPartition } from '../../runtime/cdc/index.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { ConnectorModel, type Committed, type ToldChange } from './connector-model.js';
import { changeEvent, systemId } from './debezium-record.js';
import { MemoryStore } from './memory-sink.js';

/** A change of the table, which is one of two. */
interface Row {
  readonly id: number;
  readonly table: 0 | 1;
}

const topics = ['shop.public.payments', 'shop.public.accounts'] as const;
const decode = debezium({ systemId });
const runs = Number(process.env.CDC_RETOLD_RUNS ?? 1_000);

/** Transactions that commit one after the other. */
function history(sizes: readonly (readonly (0 | 1)[])[]): Committed<Row>[] {
  let id = 0;
  return sizes.map((tables, index) => ({
    id: 700 + index,
    commit: 1_000n + 100n * BigInt(index),
    changes: tables.map((table) => ({ id: (id += 1), table })),
  }));
}

function eventOf({ change, transaction, ordinal, label }: ToldChange<Row>) {
  return changeEvent({
    after: { id: change.id, v: 'x' },
    commit: label,
    ordinal,
    txId: transaction.id,
    lsn: transaction.commit - 50n + BigInt(ordinal),
  });
}

class Killed extends Error {}

class Run {
  readonly log = new MemoryLog();
  readonly store = new MemoryStore();
  readonly #at = topics.map((topic) => this.log.create(topic)[0]!) as [TopicPartition, TopicPartition];

  tell(told: ToldChange<Row>): void {
    this.log.append(this.#at[told.change.table], eventOf(told));
  }

  /** A process that reads to the end of the log in batches of that size, or dies after some of them. */
  async sink(rows: number, batches = Infinity): Promise<void> {
    let left = batches;
    const before = () => ((left -= 1) < 0 ? Promise.reject(new Killed()) : Promise.resolve());
    await runSink({
      source: this.log,
      sink: this.store.sink({ before }),
      decode,
      stopAtEnd: true,
      patienceMs: 0,
      batch: { rows },
    }).catch((error: unknown) => {
      if (!(error instanceof Killed)) throw error;
    });
  }

  async idsInLog(): Promise<number[]> {
    const ids: number[] = [];
    const side = logSide({ partition: 'all', key: ['id'], columns: ['v'], source: this.log, decode });
    for await (const { key } of side.rows()) ids.push(Number(/\d+/.exec(key)?.[0]));
    return ids;
  }

  idsOf(table: 0 | 1): unknown[] {
    return this.store.lines
      .filter(({ partition }) => partition.topic === topics[table])
      .map(({ key }) => key.id);
  }
}

/** Of a table, in the order of the source. */
const expected = (all: readonly Committed<Row>[], table: 0 | 1) =>
  all.flatMap(({ changes }) => changes.filter((row) => row.table === table).map(({ id }) => id));

const sizes = fc.array(fc.array(fc.constantFrom(0 as const, 1 as const), { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 12,
});
/** After so many changes it dies: with which offset stored, and how much of what was told acknowledged. */
const restarts = fc.array(
  fc.record({ after: fc.integer({ min: 1, max: 12 }), stored: fc.nat(11), acknowledged: fc.nat(11) }),
  { maxLength: 8 },
);

test(
  'however a connector without exactly-once support is killed, each change is written once, in order',
  async () => {
    let mislabelled = 0;
    await fc.assert(
      fc.asyncProperty(
        sizes,
        restarts,
        fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
        async (tables, deaths, rows) => {
          const all = history(tables);
          const connector = new ConnectorModel(all);
          const run = new Run();
          const next = (): number => rows.next().value as number;
          const tellSome = (count: number) => {
            for (let i = 0; i < count && !connector.isDone; i += 1) {
              const told = connector.tell();
              const before = all[all.indexOf(told.transaction) - 1]?.commit ?? null;
              if (told.label !== before) mislabelled += 1;
              run.tell(told);
            }
          };
          for (const { after, stored, acknowledged } of deaths) {
            tellSome(after);
            // Half of what was told may not be read yet.
            if (acknowledged % 2 === 0) await run.sink(next(), next());
            const { toldSinceStart: count } = connector;
            if (count > 0) connector.restart(stored % count, acknowledged % count);
          }
          tellSome(Infinity);
          await run.sink(next());
          expect([run.idsOf(0), run.idsOf(1)]).toEqual([expected(all, 0), expected(all, 1)]);
          // Its position in the lake grows with each change, so that who orders by it has the order of the source.
          for (const topic of topics) {
            const positions = run.store.lines
              .filter(({ partition }) => partition.topic === topic)
              .flatMap(({ position = '' }) => (position.includes('/t') ? [] : [String(position)]));
            expect(positions).toEqual(positions.toSorted());
            expect(new Set(positions).size).toBe(positions.length);
          }
          // The auditor reads the log as the sinks do.
          const inLog = await run.idsInLog();
          expect(inLog.toSorted((a, b) => a - b)).toEqual(
            all.flatMap(({ changes }) => changes.map(({ id }) => id)),
          );
        },
      ),
      { numRuns: runs, seed: 20_261_129 },
    );
    reportFigures('retold', { runs, mislabelled });
    // It is the danger that this test is about.
    expect(mislabelled).toBeGreaterThan(100);
  },
  Math.max(60_000, 50 * runs),
);

test('of a long log no more is read back than the connector has gone back, and the step in which that lies', async () => {
  const all = history(Array.from({ length: 5_000 }, () => [0 as const]));
  const connector = new ConnectorModel(all);
  const run = new Run();
  for (let i = 0; i < 4_000; i += 1) run.tell(connector.tell());
  await run.sink(100);
  // It goes back by 500; then, in the middle of these, by 100 more, with the label of one before.
  connector.restart(3_499, 3_499);
  for (let i = 0; i < 200; i += 1) run.tell(connector.tell());
  connector.restart(50, 120);
  while (!connector.isDone) run.tell(connector.tell());
  let lowest = Infinity;
  const fetch = run.log.fetch.bind(run.log);
  run.log.fetch = (partition, from, options) => {
    if (partition.topic === topics[0]) lowest = Math.min(lowest, Number(from));
    return fetch(partition, from, options);
  };
  await run.sink(100);
  expect(run.idsOf(0)).toEqual(expected(all, 0));
  expect(lowest).toBeGreaterThanOrEqual(3_300);
});
