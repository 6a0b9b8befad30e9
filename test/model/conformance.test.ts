import { randomUUID } from 'node:crypto';
import { DynamoDBClient, GetItemCommand, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import * as fc from 'fast-check';
import { optedIn, startDynamoDbLocal } from '../../targets/dynamodb-local/index.js';
import { newTable } from '../fixtures/dynamo.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { embedded } from '../fixtures/embedded.js';
import { InProcessDynamo } from './in-process-dynamo.js';
import { requests, type Command, type Draft } from './random-requests.js';

/** What a request came to, in words that do not depend on who says them. */
type Outcome = object;

interface Reality {
  readonly name: string;
  /**
   * Whether a request that holds a mistake is refused with the documented words. DynamoDB Local refuses it too, but
   * looks at placeholders only after the conditions, and has no ValidationError among a cancelled transaction's
   * reasons.
   */
  readonly wordsMistakesAsDocumented: boolean;
  readonly start: () => Promise<{ client: DynamoDBClient; stop: () => Promise<void> }>;
}

const endpoint = process.env.DYNAMODB_LOCAL_ENDPOINT;
const realities: Reality[] = [
  {
    name: 'the embedded emulator',
    wordsMistakesAsDocumented: true,
    start: async () => Promise.resolve(connect(embedded().client)),
  },
];
if (endpoint !== undefined)
  realities.push({
    name: `DynamoDB Local at ${endpoint}`,
    wordsMistakesAsDocumented: false,
    start: async () => Promise.resolve(connect({ ...embedded().client, endpoint })),
  });
else if (optedIn())
  realities.push({
    name: 'DynamoDB Local',
    wordsMistakesAsDocumented: false,
    start: async () => {
      const local = await startDynamoDbLocal();
      return connect(local.client, async () => local.stop());
    },
  });

function connect(options: object, stop: () => Promise<void> = async () => Promise.resolve()) {
  const client = new DynamoDBClient({ ...options, maxAttempts: 1 });
  const end = async () => {
    client.destroy();
    await stop();
  };
  return { client, stop: end };
}

const runs = Number(process.env.CONFORMANCE_RUNS ?? 100);
const seed = Number(process.env.MODEL_SEED ?? 1);
const path = process.env.MODEL_PATH;

test.each(realities)(
  'random requests have the same outcomes in the model and on $name',
  async ({ name, start, wordsMistakesAsDocumented }) => {
    const { client, stop } = await start();
    const table = await newTable(client, 'id');
    const seen = new Map<string, number>();
    const compare = async (drafts: readonly Draft[]) => {
      const model = new InProcessDynamo({ now: () => Date.now() });
      model.tables.create(table.name, 'id');
      const prefix = `${randomUUID()}-`;
      const reads = [0, 1, 2].map(
        (n): Draft =>
          (TableName) =>
            new GetItemCommand({ TableName, Key: { id: { S: `${prefix}${n}` } }, ConsistentRead: true }),
      );
      for (const draft of [...drafts, ...reads]) {
        const command = draft(table.name, prefix);
        const expected = await outcomeOf(async () => client.send(command as never));
        const given = await outcomeOf(() => model.start(command).finish());
        const wordless = !wordsMistakesAsDocumented && isMistake(given) && 'error' in expected;
        expect({ command: describeCommand(command), outcome: given }).toEqual({
          command: describeCommand(command),
          outcome: wordless ? given : expected,
        });
        const kind = `${command.constructor.name} ${'error' in given ? JSON.stringify(given.error) : 'done'}`;
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
      }
    };
    try {
      await fc.assert(fc.asyncProperty(requests, compare), { numRuns: runs, seed, path });
    } finally {
      await stop();
    }
    reportFigures(name, { sequences: runs, seed, outcomes: Object.fromEntries(seen) });
    // The comparison is empty unless every kind of refusal has come up.
    for (const kind of [
      'PutItemCommand "ConditionalCheckFailedException"',
      'UpdateItemCommand "ValidationException"',
      'DeleteItemCommand done',
      'BatchGetItemCommand done',
      'TransactWriteItemsCommand done',
      'TransactWriteItemsCommand "TransactionCanceledException"',
      'TransactWriteItemsCommand "ValidationException"',
      'TransactWriteItemsCommand "IdempotentParameterMismatchException"',
    ])
      expect([...seen.keys()]).toContain(kind);
  },
  // A thousand sequences on a loaded machine.
  900_000,
);

/** The request can never be right, whatever is stored: its writer made a mistake. */
function isMistake(outcome: Outcome): boolean {
  const { error, reasons = [] } = outcome as { error?: string; reasons?: { code: string }[] };
  return error === 'ValidationException' || reasons.some(({ code }) => code === 'ValidationError');
}

function describeCommand(command: Command): object {
  return { [command.constructor.name]: command.input };
}

async function outcomeOf(send: () => unknown): Promise<Outcome> {
  try {
    const { Item, Responses } = (await send()) as {
      Item?: object;
      Responses?: Record<string, { id: object }[]>;
    };
    const found = Object.values(Responses ?? {}).flat();
    return { item: Item, found: found.map((one) => JSON.stringify(sorted(one))).sort() };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const reasons =
      error instanceof TransactionCanceledException
        ? error.CancellationReasons?.map(({ Code, Item }) => ({ code: Code ?? 'None', item: Item }))
        : undefined;
    return { error: error.name, item: (error as { Item?: object }).Item, reasons };
  }
}

function sorted(item: object): object {
  return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));
}
