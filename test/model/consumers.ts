import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Engine } from './engine.js';
import { fill } from './handlers.js';
import { Body } from './message-body.js';
import {
  leases,
  sqsAggregateConsumer,
  sqsConsumer,
  sqsInsertConsumer,
  table,
  type BatchSummary,
  type SqsConsumer,
} from './runtime-under-test.js';
import type { Outside } from './outside.js';
import type { Nature, WayName } from './scenario.js';
import type { Unhappy } from './unhappy.js';

/** What the model gives to a consumer. */
export interface ConsumerHabitat {
  readonly engine: Engine;
  readonly deadLetterQueueUrl: string;
  readonly dynamodb: DynamoDBClient;
  readonly sqs: SQSClient;
  /** Throws for messages that fail now. */
  readonly attempt: (token: string) => void;
  /** Whether the process dies of this message now. It is dead when this returns true. */
  readonly kills: (token: string, where: Nature) => boolean;
  /** Somebody has mended what made this message fail: it acts, whatever it reads. */
  readonly isMended: (token: string) => boolean;
  /** The handler is about to throw for what it has read. */
  readonly refuses: (token: string) => void;
  readonly unhappy: Unhappy | undefined;
  readonly outside: Outside;
  /** A place inside the handler at which its process may stop or die. */
  readonly danger: () => Promise<void>;
  readonly observe: (summary: BatchSummary) => void;
}

export const consumerName = 'model';
export const retentionSeconds = 1_000;

/**
 * The item of the aggregate way: a text to which every message appends itself, and a list beside it that must say the
 * same.
 */
interface Log extends Record<string, unknown> {
  readonly log: string;
  readonly marks: readonly string[];
}

/**
 * A new function instance: the package's real consumer, with handlers whose effects show every double and every wrong
 * order.
 */
export function consumerOf(way: WayName, habitat: ConsumerHabitat): SqsConsumer {
  const { engine, deadLetterQueueUrl, dynamodb, sqs, attempt, kills, danger, observe, unhappy } = habitat;
  const dieOf = (token: string, where: Nature = 'killer') => {
    // Nothing that happens in a dead process is ever seen again.
    if (kills(token, where)) throw new Error('the process is dead');
  };
  const select = ({ body }: { readonly body: Body }) => {
    dieOf(body.token, 'key-killer');
    return body;
  };
  const effects = table({ name: engine.names.effects, partitionKey: 'name' });
  const common = {
    settings: {
      consumerName: `${engine.prefix}${consumerName}`,
      dedupTable: engine.names.receipts,
      // What is drained past its receipts is refused; parked.test.ts shows that.
      receiptRetentionSeconds: unhappy === undefined ? retentionSeconds : 1_000 * retentionSeconds,
      deadLetterQueueUrl,
      ...(unhappy && { onFailure: unhappy.onFailure, maxFailures: unhappy.maxFailures }),
    },
    schema: unhappy === undefined ? Body : deadly(dieOf),
    dynamodb,
    sqs,
    observe,
  };
  switch (way) {
    case 'transaction':
      return sqsConsumer({
        ...common,
        key: (given) => select(given).id,
        ...(unhappy && { fingerprint: payloadOf }),
        ...(unhappy?.once && { leases: leases({ observe: () => undefined }) }),
        handle: async ({ body }, tx) => {
          await danger();
          dieOf(body.token);
          attempt(body.token);
          await fill(engine, body, tx, habitat);
        },
      });
    case 'insert':
      return sqsInsertConsumer({
        ...common,
        table: effects,
        row: (given) => {
          const body = select(given);
          dieOf(body.token);
          attempt(body.token);
          return { name: body.id, token: body.token };
        },
      });
    case 'aggregate':
      return sqsAggregateConsumer<typeof Body, Log>({
        ...common,
        table: effects,
        aggregate: (given) => ({ name: select(given).group }),
        version: ({ body }) => ({ source: body.source, version: body.version }),
        reduce: (state, { body: { token } }) => {
          // It tries to change what it was given, and then it may fail.
          if (state !== undefined) Reflect.set(state.marks, state.marks.length, 'left behind');
          dieOf(token);
          attempt(token);
          const { log, marks } = state ?? { log: '', marks: [] };
          return { log: `${log}${token} `, marks: [...marks, token] };
        },
      });
  }
}

/** The schema, in which a message may end its process. */
function deadly(dieOf: (token: string, where: Nature) => void): typeof Body {
  const { validate } = Body['~standard'];
  const standard = {
    ...Body['~standard'],
    validate: (value: unknown) => {
      dieOf(String((value as Partial<Body> | null)?.token), 'schema-killer');
      return validate(value);
    },
  };
  return Object.create(Body, { '~standard': { value: standard } }) as typeof Body;
}

/**
 * What two copies must agree on. Two messages under one key have different tokens, unless they are to differ in a
 * digit only.
 */
function payloadOf({ token, amount }: Body) {
  return amount === undefined ? { token } : { amount };
}
