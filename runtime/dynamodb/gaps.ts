import { PutItemCommand, UpdateItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { Limits } from '../dedup/limits.js';
import { attentionRows } from './attention.js';
import { streamHash } from './early-rows.js';
import { nowSeconds, rowVersion } from './receipt.js';
import { send } from './send.js';

/** A version of a stream that has not come while later ones wait for it. */
export interface Gap {
  readonly consumerName: string;
  /** As in the position of a dead letter: with {@link Gap.sequence} it is what `passOver` takes. */
  readonly stream: string;
  /** The version that is missing, as decimal digits. */
  readonly sequence: string;
  /** The next version that is known to wait. */
  readonly waiting: string;
  /** ISO 8601: since when. */
  readonly since: string;
}

/** Heading of the index `attention` under which a consumer's gaps are found. */
export function gapsHeading(consumerName: string): string {
  return `${consumerName}!gaps`;
}

/** The gaps of a consumer that stand, oldest first. From an index, which is behind by up to a second or so. */
export async function* listGaps(
  table: { readonly client: DynamoDBClient; readonly tableName: string },
  consumerName: string,
): AsyncGenerator<Gap> {
  for await (const item of attentionRows(table, gapsHeading(consumerName))) {
    const { stream, sequence, waiting, since } = unmarshall(item) as Gap;
    yield { consumerName, stream, sequence, waiting, since };
  }
}

/** The list of gaps, in the dedup table. No guarantee rests on it: it only finds what a person looks for. */
export class Gaps {
  readonly #client: DynamoDBClient;
  readonly #tableName: string;
  readonly #consumerName: string;

  constructor(client: DynamoDBClient, tableName: string, consumerName: string) {
    this.#client = client;
    this.#tableName = tableName;
    this.#consumerName = consumerName;
  }

  async list(gap: Omit<Gap, 'consumerName'>, limits: Limits): Promise<void> {
    await send(
      this.#client,
      new PutItemCommand({
        TableName: this.#tableName,
        Item: marshall({
          id: this.#id(gap.stream),
          v: rowVersion,
          attention: gapsHeading(this.#consumerName),
          ...gap,
        }),
        ReturnConsumedCapacity: 'TOTAL',
      }),
      limits,
      'write',
    );
  }

  /** Takes a gap off the list. What is left of its row expires. */
  async close(stream: string, limits: Limits): Promise<void> {
    await send(
      this.#client,
      new UpdateItemCommand({
        TableName: this.#tableName,
        Key: { id: { S: this.#id(stream) } },
        UpdateExpression: 'SET expiration = :now REMOVE attention',
        ExpressionAttributeValues: { ':now': { N: String(nowSeconds()) } },
        ReturnConsumedCapacity: 'TOTAL',
      }),
      limits,
      'write',
    );
  }

  #id(stream: string): string {
    return `${this.#consumerName}!gap#${streamHash(stream)}`;
  }
}
