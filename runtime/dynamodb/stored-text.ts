import { GetItemCommand, PutItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Limits } from '../dedup/limits.js';
import { Meter } from '../dedup/meter.js';
import { nowSeconds, rowVersion } from './receipt.js';
import { send } from './send.js';
import { partsOf } from './text-parts.js';

/** SQS keeps a dead letter 14 days at most, and again as long where it is redriven to. */
const lifeSeconds = 30 * 86_400;

/**
 * A text that has no room where it belongs, as rows of the dedup table. A consumer name holds no `!`, so these are
 * never receipts.
 */
export class StoredText {
  readonly #client: DynamoDBClient;
  readonly #tableName: string;
  readonly #consumerName: string;

  constructor(client: DynamoDBClient, tableName: string, consumerName: string) {
    this.#client = client;
    this.#tableName = tableName;
    this.#consumerName = consumerName;
  }

  /** Writes it, under an id of its own for each text. Doing so again changes nothing. */
  async write(id: string, text: string, limits: Limits): Promise<void> {
    const parts = partsOf(text);
    for (const [i, part] of parts.entries())
      await send(
        this.#client,
        new PutItemCommand({
          TableName: this.#tableName,
          Item: {
            id: { S: this.#rowId(id, i) },
            v: { N: String(rowVersion) },
            text: { S: part },
            parts: { N: String(parts.length) },
            expiration: { N: String(nowSeconds() + lifeSeconds) },
          },
        }),
        limits,
        'write',
      );
  }

  /** Undefined when it is not there any more. */
  async read(id: string, limits: Limits): Promise<string | undefined> {
    const texts: string[] = [];
    for (let count = 1; texts.length < count;) {
      const Key = { id: { S: this.#rowId(id, texts.length) } };
      const { Item } = await send(
        this.#client,
        new GetItemCommand({ TableName: this.#tableName, Key, ConsistentRead: true }),
        limits,
        'read',
      );
      if (Item?.text?.S === undefined) return undefined;
      texts.push(Item.text.S);
      count = Number(Item.parts?.N ?? 1);
    }
    return texts.join('');
  }

  #rowId(id: string, part: number): string {
    return `${this.#consumerName}!text#${id}#${part}`;
  }
}

/** How long a body may take to be stored. */
const storingMs = 5_000;

/**
 * Stores the body of a dead letter that has no room for it. @throws DependencyFailed when it is not known to be
 * stored.
 */
export async function storeBody(
  client: DynamoDBClient,
  tableName: string,
  consumerName: string,
  id: string,
  body: string,
): Promise<void> {
  const limits = { deadline: Date.now() + storingMs, meter: new Meter() };
  await new StoredText(client, tableName, consumerName).write(id, body, limits);
}
