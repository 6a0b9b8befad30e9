import * as z from 'zod/mini';
import {
  deadLetterAttribute,
  sqsAggregateConsumer,
  sqsConsumer,
  sqsInsertConsumer,
  sqsNaturalConsumer,
  type ConsumerSettings,
  type DeadLetter,
  type SqsConsumer,
} from '../../runtime/sqs/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { Mortal, type Habitat } from '../fixtures/mortal.js';

const ways = ['transaction', 'insert', 'aggregate', 'natural'] as const;
type WayName = (typeof ways)[number];

interface Case {
  readonly way: WayName;
  readonly fifo: boolean;
  readonly size: number;
  /** Which of the messages kills, from 0. None: nobody does. */
  readonly killer: number | undefined;
  readonly groups: number;
  readonly maxFailures: number;
  readonly onFailure: 'skip' | 'stop';
}

const Body = z.object({ id: z.string(), group: z.string(), version: z.string(), kills: z.boolean() });
// Nobody waits for anything here but the dead, who would wake up at the end of their time, in other tests.
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date', 'performance'] });
});
afterEach(() => {
  jest.useRealTimers();
});

const effects = table({ name: Mortal.effects, partitionKey: 'name' });

/** Effects that show every double: nothing in them is keyed by a message but where the way itself is. */
function consumerOf(
  { way, maxFailures, onFailure }: Pick<Case, 'way' | 'maxFailures' | 'onFailure'>,
  { dynamodb, sqs, deadLetterQueueUrl, die, isDead }: Habitat,
  journal: string[],
): SqsConsumer {
  const settings: ConsumerSettings = {
    consumerName: 'mortal',
    dedupTable: Mortal.receipts,
    receiptRetentionSeconds: 3600,
    deadLetterQueueUrl,
    maxFailures,
    onFailure,
  };
  const common = { settings, schema: Body, dynamodb, sqs, observe: () => undefined };
  const live = (kills: boolean) => {
    if (kills || isDead()) throw die();
  };
  switch (way) {
    case 'transaction':
      return sqsConsumer({
        ...common,
        key: ({ body }) => body.id,
        handle: ({ body }, tx) => {
          live(body.kills);
          tx.update(effects, { name: 'all' }, { add: { value: 1 } });
          tx.update(effects, { name: body.id }, { add: { value: 1 } });
        },
      });
    case 'insert':
      return sqsInsertConsumer({
        ...common,
        table: effects,
        row: ({ body }) => {
          live(body.kills);
          return { name: body.id };
        },
      });
    case 'aggregate':
      return sqsAggregateConsumer<typeof Body, { ids: readonly string[] }>({
        ...common,
        table: effects,
        aggregate: ({ body }) => ({ name: body.group }),
        version: ({ body }) => ({ source: 'producer', version: body.version }),
        reduce: (state, { body }) => {
          live(body.kills);
          return { ids: [...(state?.ids ?? []), body.id] };
        },
      });
    case 'natural':
      return sqsNaturalConsumer({
        ...common,
        handle: ({ body }) => {
          live(body.kills);
          journal.push(body.id);
        },
      });
  }
}

function mortal(one: Case): { world: Mortal; journal: string[]; bodies: z.infer<typeof Body>[] } {
  const journal: string[] = [];
  const world = new Mortal({
    fifo: one.fifo,
    consumer: (habitat) => consumerOf(one, habitat, journal),
  });
  const bodies = Array.from({ length: one.size }, (_, i) => ({
    id: `m-${i}`,
    group: `g-${i % one.groups}`,
    version: String(Math.floor(i / one.groups) + 1),
    kills: i === one.killer,
  }));
  for (const body of bodies) world.queue.send({ text: JSON.stringify(body), group: body.group });
  return { world, journal, bodies };
}

/** What acted, with how often; in order within an aggregate. */
function acted({ way }: Case, world: Mortal, journal: readonly string[]): string[] {
  if (way === 'natural') return [...new Set(journal)].sort();
  const rows = world.dynamo.tables.get(Mortal.effects).items;
  switch (way) {
    case 'transaction': {
      const counts = rows.filter(({ name }) => name?.S !== 'all');
      const all = Number(rows.find(({ name }) => name?.S === 'all')?.value?.N ?? 0);
      expect(all).toBe(counts.reduce((sum, { value }) => sum + Number(value?.N), 0));
      return counts
        .map(({ name, value }) => `${name?.S}${value?.N === '1' ? '' : ` ${value?.N} times`}`)
        .sort();
    }
    case 'insert':
      return rows.map(({ name }) => name?.S ?? '').sort();
    case 'aggregate':
      return rows.flatMap(({ ids }) => ids?.L?.map(({ S }) => S ?? '') ?? []).sort();
  }
}

const lettersOf = (world: Mortal) =>
  world.dead.drain().map(({ text, attributes }) => ({
    id: (JSON.parse(text) as z.infer<typeof Body>).id,
    ...(JSON.parse(attributes?.[deadLetterAttribute]?.stringValue ?? '{}') as Partial<DeadLetter>),
  }));

async function onlyTheKiller(one: Case): Promise<void> {
  const { world, journal, bodies } = mortal(one);
  await world.run();
  const killer = bodies.find(({ kills }) => kills);
  const letters = lettersOf(world).map(({ id, kind }) => ({ id, kind }));
  // Behind a group that stopped everybody waits, and nobody is lost or blamed.
  const waits = ({ id, group }: z.infer<typeof Body>) =>
    one.onFailure === 'stop' &&
    (one.fifo || one.way === 'aggregate') &&
    group === killer?.group &&
    bodies.findIndex((body) => body.id === id) > (one.killer ?? 0);
  expect({ ...one, letters, acted: acted(one, world, journal) }).toEqual({
    ...one,
    letters: killer === undefined ? [] : [{ id: killer.id, kind: 'died' }],
    acted: bodies
      .filter((body) => !body.kills && !waits(body))
      .map(({ id }) => id)
      .sort(),
  });
}

describe.each(ways)('R46, %s way', (way) => {
  describe.each([true, false])('FIFO: %s', (fifo) => {
    test.each([1, 2, 3, 4, 5, 6])(
      'wherever the killer is in a batch of ten: exactly it is dead-lettered, everybody else acts once (maxFailures %i)',
      async (maxFailures) => {
        for (let killer = 0; killer < 10; killer += 1) {
          const groups = [1, 4, 10][(killer + maxFailures) % 3] ?? 1;
          await onlyTheKiller({ way, fifo, size: 10, killer, groups, maxFailures, onFailure: 'skip' });
        }
      },
    );

    test('in a batch of any size, where a failure stops what is behind it', async () => {
      for (let size = 1; size <= 10; size += 1)
        for (const killer of new Set([0, size >> 1, size - 1]))
          await onlyTheKiller({
            way,
            fifo,
            size,
            killer,
            groups: 1 + 2 * (size % 2),
            maxFailures: 2,
            onFailure: 'stop',
          });
    });
  });
});
