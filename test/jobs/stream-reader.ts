import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import type { DynamoDBRecord } from 'aws-lambda';
import { toStreamRecord } from '../../targets/event-source/streams/record.js';
import { dynamo } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';

/** The stream of a table, from its start. */
export class StreamReader {
  private constructor(
    private readonly client: DynamoDBStreamsClient,
    private readonly arn: string,
    private iterator: string | undefined,
  ) {}

  static async open(tableName: string): Promise<StreamReader> {
    const tables = dynamo();
    const { Table } = await tables.send(new DescribeTableCommand({ TableName: tableName }));
    tables.destroy();
    const StreamArn = Table?.LatestStreamArn ?? '';
    const client = new DynamoDBStreamsClient(embedded().client);
    const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamArn }));
    const ShardId = StreamDescription?.Shards?.[0]?.ShardId;
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    );
    return new StreamReader(client, StreamArn, ShardIterator);
  }

  /** What was inserted since the last call. */
  async inserted(): Promise<DynamoDBRecord[]> {
    const { Records = [], NextShardIterator } = await this.client.send(
      new GetRecordsCommand({ ShardIterator: this.iterator }),
    );
    this.iterator = NextShardIterator;
    return Records.filter(({ eventName }) => eventName === 'INSERT').map(
      (record) => toStreamRecord(record, this.arn) as unknown as DynamoDBRecord,
    );
  }

  close(): void {
    this.client.destroy();
  }
}
