import { randomUUID } from 'node:crypto';
import {
  TransactionCanceledException,
  TransactionConflictException,
  type BatchGetItemCommandInput,
  type DynamoDBClient,
  type TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb';
import { dynamo } from '../fixtures/dynamo.js';

const writes = new Set(['TransactWriteItemsCommand', 'PutItemCommand', 'UpdateItemCommand']);
const reads = new Set(['GetItemCommand', 'BatchGetItemCommand']);

/**
 * A client of the run's emulator to which DynamoDB does, when it is told so, what it does once in a million calls.
 */
export class FaultyDynamo {
  readonly client: DynamoDBClient = dynamo({ maxAttempts: 3 });
  lost = 0;
  conflicts = 0;
  unread = 0;
  hangs: 'write' | 'read' | undefined;

  constructor() {
    this.client.middlewareStack.add(
      (next, { commandName = '' }) =>
        async (args) => {
          const kind = writes.has(commandName) ? 'write' : reads.has(commandName) ? 'read' : undefined;
          if (kind !== undefined && kind === this.hangs) {
            this.hangs = undefined;
            await new Promise(() => undefined);
          }
          if (kind === 'write' && this.conflicts > 0) {
            this.conflicts -= 1;
            throw conflict(args.input as Partial<TransactWriteItemsCommandInput>);
          }
          if (commandName !== 'BatchGetItemCommand' || this.unread === 0) return next(args);
          this.unread -= 1;
          const { asked, left } = halved(args.input as BatchGetItemCommandInput);
          const answer = await next({ ...args, input: asked });
          return { ...answer, output: { ...answer.output, UnprocessedKeys: left } };
        },
      { step: 'initialize', name: 'faults' },
    );
    this.client.middlewareStack.add(
      (next, { commandName = '' }) =>
        async (args) => {
          const request = args.request as { body?: unknown };
          // As if more than ten minutes lay between the two: DynamoDB does not know the request again.
          if (typeof request.body === 'string')
            request.body = request.body.replace(/("ClientRequestToken":")[^"]*/, `$1${randomUUID()}`);
          const answer = await next(args);
          if (!writes.has(commandName) || this.lost === 0) return answer;
          this.lost -= 1;
          throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError', code: 'ECONNRESET' });
        },
      { step: 'finalizeRequest', priority: 'low', name: 'lost-answers' },
    );
  }
}

function conflict({ TransactItems }: Partial<TransactWriteItemsCommandInput>): Error {
  const meta = { message: 'another transaction is under way', $metadata: { httpStatusCode: 400 } };
  if (TransactItems === undefined) return new TransactionConflictException(meta);
  const CancellationReasons = TransactItems.map((_, i) => ({
    Code: i === 0 ? 'TransactionConflict' : 'None',
  }));
  return new TransactionCanceledException({ ...meta, CancellationReasons });
}

/** All but one of the keys are left, and that one is asked for; a lone one is asked for under another key. */
function halved({ RequestItems = {}, ...rest }: BatchGetItemCommandInput) {
  const [[name, request] = ['', { Keys: [] }]] = Object.entries(RequestItems);
  const keys = request.Keys ?? [];
  const asked = keys.slice(0, Math.floor(keys.length / 2));
  const left = keys.slice(asked.length);
  const nobody = keys
    .slice(0, 1)
    .map((key) => Object.fromEntries(Object.keys(key).map((attribute) => [attribute, { S: 'nobody' }])));
  return {
    asked: { ...rest, RequestItems: { [name]: { ...request, Keys: asked.length > 0 ? asked : nobody } } },
    left: { [name]: { ...request, Keys: left } },
  };
}
