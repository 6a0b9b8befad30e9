import {
  ExpiredIteratorException,
  GetRecordsCommand,
  GetShardIteratorCommand,
  TrimmedDataAccessException,
  type DynamoDBStreamsClient,
  type _Record as ReadRecord,
  type ShardIteratorType,
} from '@aws-sdk/client-dynamodb-streams';

/**
 * A place in one shard, from which its records are read in order.
 *
 * An iterator expires 15 minutes after it was given, and one that points to records which are gone by now is refused
 * as trimmed: the place is taken again, behind the last record that was read, or at the oldest that there is.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html
 */
export class ShardReader {
  #iterator: string | undefined;
  #lastRead: string | undefined;

  readonly #streams: DynamoDBStreamsClient;
  readonly #place: { readonly StreamArn: string; readonly ShardId: string };
  readonly #start: ShardIteratorType;

  private constructor(
    streams: DynamoDBStreamsClient,
    place: { readonly StreamArn: string; readonly ShardId: string },
    start: ShardIteratorType,
  ) {
    this.#streams = streams;
    this.#place = place;
    this.#start = start;
  }

  /** Takes its place now: LATEST means from here on. */
  static async open(
    streams: DynamoDBStreamsClient,
    place: { readonly StreamArn: string; readonly ShardId: string },
    start: ShardIteratorType,
  ): Promise<ShardReader> {
    const reader = new ShardReader(streams, place, start);
    await reader.#take(start);
    return reader;
  }

  /** Whether the shard is closed, and read to its end. */
  get ended(): boolean {
    return this.#iterator === undefined;
  }

  /** The next records: empty while there are none. `take` is called before the place moves behind them. */
  async read(take: (records: readonly ReadRecord[]) => void): Promise<number> {
    const { Records = [], NextShardIterator } = await this.#get();
    take(Records);
    this.#lastRead = Records.at(-1)?.dynamodb?.SequenceNumber ?? this.#lastRead;
    this.#iterator = NextShardIterator;
    return Records.length;
  }

  /** Whether nothing is in the shard that has not been read. */
  async empty(): Promise<boolean> {
    if (this.ended) return true;
    const { Records = [] } = await this.#get(1);
    return Records.length === 0;
  }

  async #get(Limit?: number) {
    const ask = () =>
      this.#streams.send(new GetRecordsCommand({ ShardIterator: this.#iterator, ...(Limit && { Limit }) }));
    try {
      return await ask();
    } catch (error) {
      if (error instanceof TrimmedDataAccessException) await this.#take('TRIM_HORIZON');
      else if (!(error instanceof ExpiredIteratorException)) throw error;
      else if (this.#lastRead === undefined) await this.#take(this.#start);
      else await this.#takeBehind(this.#lastRead);
      return ask();
    }
  }

  /** A record that is gone by now cannot be stood behind: whatever is left comes after it. */
  async #takeBehind(lastRead: string): Promise<void> {
    try {
      await this.#take('AFTER_SEQUENCE_NUMBER', lastRead);
    } catch (error) {
      if (!(error instanceof TrimmedDataAccessException)) throw error;
      await this.#take('TRIM_HORIZON');
    }
  }

  async #take(ShardIteratorType: ShardIteratorType, SequenceNumber?: string): Promise<void> {
    const { ShardIterator } = await this.#streams.send(
      new GetShardIteratorCommand({ ...this.#place, ShardIteratorType, SequenceNumber }),
    );
    this.#iterator = ShardIterator;
  }
}
