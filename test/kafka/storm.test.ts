import fc from 'fast-check';
import * as z from 'zod/mini';
import { table, type Transaction } from '../../runtime/dynamodb/index.js';
import { kafkaConsumer, type KafkaConsumer, type KafkaOrder } from '../../runtime/kafka/index.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { ChoiceBytes, Choices } from '../model/choices.js';
import { KafkaWorld, type Fate, type KafkaHabitat } from './kafka-world.js';
import { json } from './records.js';

const runs = Number(process.env.KAFKA_RUNS ?? 150);
const seed = Number(process.env.KAFKA_SEED ?? 21);

const natures = ['fine', 'fine', 'fine', 'reads', 'reads', 'flaky', 'poison', 'killer'] as const;
type Nature = (typeof natures)[number];

interface Scenario {
  readonly by: 'key' | 'position';
  readonly order: KafkaOrder;
  readonly partitions: number;
  readonly provisioned: boolean;
  readonly bisects: boolean;
  readonly comesAgain: 'reported' | 'from-lowest';
  readonly batchSize: number;
  readonly maxFailures: number;
  readonly records: readonly { readonly nature: Nature; readonly key: number; readonly gap: number }[];
  readonly choices: readonly number[];
}

const scenarios: fc.Arbitrary<Scenario> = fc.record({
  by: fc.constantFrom('key', 'position'),
  order: fc.constantFrom<KafkaOrder>('partition', 'key'),
  partitions: fc.integer({ min: 1, max: 3 }),
  provisioned: fc.boolean(),
  bisects: fc.boolean(),
  comesAgain: fc.constantFrom('reported', 'from-lowest'),
  batchSize: fc.integer({ min: 1, max: 12 }),
  maxFailures: fc.integer({ min: 1, max: 4 }),
  records: fc.array(
    fc.record({
      nature: fc.constantFrom(...natures),
      // 0: no key.
      key: fc.integer({ min: 0, max: 3 }),
      gap: fc.constantFrom(0, 0, 0, 1, 7),
    }),
    { minLength: 1, maxLength: 24 },
  ),
  choices: new ChoiceBytes(60),
});

const Body = z.object({ id: z.string(), nature: z.string(), place: z.string() });
const effects = table({ name: KafkaWorld.effects, partitionKey: 'name' });
const topicIds = { purchases: 'Zk3x1dYVTkyMmHq6hYb0Ow' };
const tally = new Map<string, number>();
const count = (what: string, times = 1) => tally.set(what, (tally.get(what) ?? 0) + times);

/** Effects that show every double, and every wrong order. */
function consumerOf({ by, order, provisioned, maxFailures }: Scenario, flakes: Map<string, number>) {
  return ({ dynamodb, sqs, deadLetterQueueUrl, die, isDead }: KafkaHabitat): KafkaConsumer => {
    const common = {
      settings: {
        consumerName: 'storm',
        dedupTable: KafkaWorld.receipts,
        receiptRetentionSeconds: 3600,
        deadLetterQueueUrl,
        maxFailures,
        reportsItemFailures: provisioned,
      },
      schema: Body,
      order,
      dynamodb,
      sqs,
      observe: () => undefined,
      handle: async ({ body }: { body: z.infer<typeof Body> }, tx: Transaction) => {
        if (isDead() || body.nature === 'killer') throw die();
        if (body.nature === 'poison') throw new Error('poison');
        const left = flakes.get(body.id) ?? 0;
        if (left > 0) {
          flakes.set(body.id, left - 1);
          throw new Error('flaky');
        }
        tx.update(effects, { name: 'all' }, { add: { value: 1 } });
        tx.update(effects, { name: body.id }, { add: { value: 1 } });
        if (body.nature !== 'reads') return;
        const name = `place ${body.place}`;
        const before = await tx.get(effects, { name }, ['ids']);
        tx.update(
          effects,
          { name },
          { set: { ids: [...((before?.ids as string[] | undefined) ?? []), body.id] } },
        );
      },
    };
    return by === 'key'
      ? kafkaConsumer({ ...common, key: ({ body }) => body.id })
      : kafkaConsumer({ ...common, key: 'position', topicIds });
  };
}

function fateOf(choices: Choices): Fate {
  if (choices.exhausted) return { kind: 'fine' };
  switch (choices.below(8)) {
    case 1:
    case 2:
      return { kind: 'dies', at: choices.below(8) };
    case 3:
      return { kind: 'unheard' };
    case 4:
    case 5:
      return { kind: 'zombie', at: choices.below(6), after: 1 + choices.below(4) };
    case 6:
      return { kind: 'twice' };
    default:
      return { kind: 'fine' };
  }
}

async function storm(scenario: Scenario): Promise<void> {
  const { partitions, provisioned, bisects, comesAgain, batchSize, order, records } = scenario;
  const choices = new Choices(scenario.choices);
  const flakes = new Map<string, number>();
  const fates = new Set<Fate['kind']>();
  const world: KafkaWorld = new KafkaWorld({
    partitions,
    comesAgain,
    mapping: {
      batchSize,
      provisionedPollers: provisioned ? 1 : undefined,
      reportsBatchItemFailures: provisioned,
      bisectsOnError: provisioned && bisects,
    },
    consumer: consumerOf(scenario, flakes),
    fate: () => {
      const fate = fateOf(choices);
      count(fate.kind);
      fates.add(fate.kind);
      return fate;
    },
  });
  const sent = records.map(({ nature, key, gap }, i) => {
    const partition = key % partitions;
    const id = `r-${i}`;
    if (nature === 'flaky') flakes.set(id, 1);
    const place = order === 'key' && key === 0 ? id : `${partition}${order === 'key' ? ` ${key}` : ''}`;
    world.log.put(json({ id, nature, place }, key === 0 ? undefined : `k${key}`), { partition, gap });
    return { id, nature, place };
  });
  await world.run(400);
  const letters = new Set(world.letters().map(({ body }) => (JSON.parse(body) as { id: string }).id));
  count('records', sent.length);
  count('dead letters', letters.size);
  count('deaths', world.deaths);
  for (const [point, times] of world.deathsAt) count(`died ${point}`, times);
  const acted = sent.filter(({ id }) => world.count(id) > 0);
  // Nobody is lost: each has acted or has its dead letter. Both only where one instance gave up what another one had
  // in hand, or died before it could write down that it had given up what would not fail again; a copy that is
  // redriven by its key is then a duplicate. Nobody is doubled.
  const has = (id: string) => acted.some((one) => one.id === id);
  expect(sent.filter(({ id }) => !letters.has(id) && !has(id))).toEqual([]);
  const both = sent.filter(({ id }) => letters.has(id) && has(id));
  if (!fates.has('zombie') && !fates.has('twice'))
    expect(both.filter(({ nature }) => nature !== 'flaky')).toEqual([]);
  count('acted, and given up as well', both.length);
  expect(acted.filter(({ id }) => world.count(id) !== 1)).toEqual([]);
  expect(world.count('all')).toBe(acted.length);
  expect(world.discarded).toEqual([]);
  expect(sent.filter(({ id, nature }) => ['poison', 'killer'].includes(nature) && !letters.has(id))).toEqual(
    [],
  );
  const rows = world.dynamo.tables.get(KafkaWorld.effects).items;
  for (const place of new Set(sent.map((one) => one.place))) {
    const row = rows.find(({ name }) => name?.S === `place ${place}`);
    const ids = row?.ids?.L?.map(({ S }) => S ?? '') ?? [];
    expect(ids).toEqual(
      acted.filter((one) => one.place === place && one.nature === 'reads').map(({ id }) => id),
    );
  }
  count('acted', acted.length);
}

test(`${runs} random batches under deaths, lost answers, zombies and copies: nothing lost, nothing doubled, every partition in order`, async () => {
  await fc.assert(fc.asyncProperty(scenarios, storm), {
    numRuns: runs,
    seed,
    path: process.env.KAFKA_PATH,
    endOnFailure: process.env.KAFKA_SHRINK === undefined,
  });
}, 3_600_000);

// What a dead process still says has not been said, and it ends when its time is up.
let quiet: jest.SpyInstance;
beforeAll(() => {
  quiet = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
});
afterAll(async () => {
  await KafkaWorld.deadAreGone();
  quiet.mockRestore();
  const figures = Object.fromEntries([...tally].sort());
  reportFigures('kafka storm', { runs, seed, ...figures });
  // A proof in which nothing happened shows nothing (R42).
  if (runs < 100) return;
  for (const what of ['dies', 'zombie', 'twice', 'unheard', 'dead letters', 'acted', 'deaths'])
    expect(tally.get(what) ?? 0).toBeGreaterThan(5);
});
