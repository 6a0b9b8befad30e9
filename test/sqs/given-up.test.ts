import * as z from 'zod/mini';
import { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { deadLetterAttribute, sqsConsumer, type DeadLetter } from '../../runtime/sqs/index.js';
import { RejectMessage, table } from '../../runtime/dynamodb/index.js';
import { deadLetterCopy } from '../../cli/dead-letter-copy.js';
import { Mortal, type Habitat } from '../fixtures/mortal.js';

const effects = table({ name: Mortal.effects, partitionKey: 'name' });

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date', 'performance'] });
});
afterEach(() => {
  armCrashPoints(undefined);
  jest.useRealTimers();
});

/**
 * One message that fails at its first try and would act at its second, and a process that dies at a point, a number
 * of times.
 */
async function world(
  fifo: boolean,
  error: Error,
  death: { readonly at: CrashPoint; readonly times: number },
  body = '{"id":"a"}',
) {
  let tries = 0;
  let habitat: Habitat | undefined;
  const mortal = new Mortal({
    fifo,
    consumer: (own) => {
      habitat = own;
      return sqsConsumer({
        settings: {
          ...{ consumerName: 'mortal', dedupTable: Mortal.receipts, receiptRetentionSeconds: 3600 },
          ...{ deadLetterQueueUrl: own.deadLetterQueueUrl, maxFailures: 1, onFailure: 'skip' },
        },
        schema: z.object({ id: z.string() }),
        key: ({ body: { id } }) => id,
        handle: (_, tx) => {
          tries += 1;
          tx.update(effects, { name: 'a' }, { add: { times: 1 } });
          if (tries === 1) throw error;
        },
        ...{ dynamodb: own.dynamodb, sqs: own.sqs, observe: () => undefined },
      });
    },
  });
  armCrashPoints((point) => {
    if (point !== death.at || mortal.deaths >= death.times || mortal.dead.isEmpty) return undefined;
    habitat?.die();
    return new Promise(() => undefined);
  });
  mortal.queue.send({ text: body, group: 'g' });
  await mortal.run();
  const letters = mortal.dead.drain().map(({ text, attributes = {} }) => {
    const StringValue = attributes[deadLetterAttribute]?.stringValue;
    const letter = JSON.parse(StringValue ?? '{}') as DeadLetter;
    const { identity } = deadLetterCopy({
      ...{ MessageId: text + String(Math.random()), Body: text },
      MessageAttributes: { [deadLetterAttribute]: { DataType: 'String', StringValue } },
    });
    return { identity, messageId: letter.messageId };
  });
  return {
    letters,
    tries,
    deaths: mortal.deaths,
    acted: mortal.dynamo.tables.get(Mortal.effects).items.length,
  };
}

describe.each([
  ['a Standard queue', false],
  ['a FIFO queue that skips', true],
])('%s', (_, fifo) => {
  test.each([
    ['its handler threw too often', new Error('not now')],
    ['its handler refused it', new RejectMessage('never')],
  ])(
    'whose acknowledgement got lost, a message of which %s neither acts nor gets a second letter',
    async (__, error) => {
      const { letters, tries, deaths, acted } = await world(fifo, error, { at: 'before-answer', times: 3 });
      expect({ letters: letters.length, tries, deaths, acted }).toEqual({
        letters: 1,
        tries: 1,
        deaths: 3,
        acted: 0,
      });
    },
  );

  test('a letter that is sent twice, because nobody knew that it was sent, is known as one', async () => {
    const { letters, deaths } = await world(
      fifo,
      new RejectMessage('never'),
      { at: 'after-dead-letter', times: 1 },
      '{',
    );
    expect(deaths).toBe(1);
    expect(letters).toHaveLength(2);
    expect(new Set(letters.map(({ identity }) => identity)).size).toBe(1);
  });
});
