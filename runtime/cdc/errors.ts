import { ExactlyOnceError, RejectMessage, type Fault } from '../dedup/error.js';
import { partitionText, type TopicPartition } from './source.js';

/** One record can never be written as it is: it goes to the dead letters, or the sink stops before it. */
export class RecordRefused extends RejectMessage {
  override name = 'RecordRefused';
  override readonly isWithoutData = true;
  /** Why, for the dead letter. */
  readonly reason: string = 'refused';
  constructor(
    readonly partition: TopicPartition,
    readonly offset: bigint,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`record ${offset} of ${partitionText(partition)} ${problem}`, options);
  }
}

/** The bytes are no change event: no JSON, or JSON that lacks what an envelope has. */
export class UndecodableRecord extends RecordRefused {
  override name = 'UndecodableRecord';
  override readonly reason = 'undecodable';
}

/** The row has a column that the sink was not told of, or lacks one that it needs. */
export class SchemaChanged extends RecordRefused {
  override name = 'SchemaChanged';
  override readonly reason = 'schema-changed';
}

/** The row is larger than the sink can hold. */
export class RowTooLarge extends RecordRefused {
  override name = 'RowTooLarge';
  override readonly reason = 'too-large';
}

/** The sink's database refused the row for what is in it: a type, a constraint. */
export class RowRefused extends RecordRefused {
  override name = 'RowRefused';
}

/**
 * A row under a key that it did not have before, without a large value: its key was changed, and Postgres tells the
 * value only of tables whose replica identity is FULL. The sink has it under the old key, if at all.
 */
export class ValueMissing extends RecordRefused {
  override name = 'ValueMissing';
  override readonly reason = 'value-missing';
  constructor(
    partition: TopicPartition,
    offset: bigint,
    readonly column: string,
  ) {
    super(
      partition,
      offset,
      `comes under a new key without the large value of '${column}'; set REPLICA IDENTITY FULL for the table in the source`,
    );
  }
}

/**
 * The record was made by a Debezium that can lose committed rows when it is restarted: before 3.7.0.Final a commit's
 * LSN was taken for that of the next transaction's first change (dbz#76), and several changes of one LSN for one
 * (dbz#1554). No setting makes good for it: the record is never produced.
 *
 * @see https://github.com/debezium/debezium/pull/7760
 */
export class DebeziumTooOld extends ExactlyOnceError {
  override name = 'DebeziumTooOld';
  override readonly fault: Fault = 'defect';
  override readonly isWithoutData = true;
  constructor(readonly version: string) {
    super(
      `Debezium ${version} can lose committed rows when it is restarted; run 3.7.0.Final or later, and take a new snapshot`,
    );
  }
}

/** A batch was refused, and nobody knows for which of its rows. Nothing of it was written. */
export class BatchRefused extends ExactlyOnceError {
  override name = 'BatchRefused';
}

/** The sink did not answer, is full, or does not let us in. Nothing is passed; the batch is written again. */
export class SinkUnavailable extends ExactlyOnceError {
  override name = 'SinkUnavailable';
  override readonly fault: Fault = 'dependency';
  constructor(
    readonly sinkName: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`sink '${sinkName}' ${problem}`, options);
  }
}

/** The log cannot be read: no permission for the topic, no broker, no such topic. */
export class SourceUnavailable extends ExactlyOnceError {
  override name = 'SourceUnavailable';
  override readonly fault: Fault = 'dependency';
}

/**
 * The log begins behind what the sink has, or ends before it: records between are gone. The sink stops, because going
 * on would lose them in silence.
 */
export class RecordsMissing extends ExactlyOnceError {
  override name = 'RecordsMissing';
  override readonly fault: Fault = 'defect';
  override readonly isWithoutData = true;
  constructor(
    readonly partition: TopicPartition,
    readonly next: bigint,
    readonly start: bigint,
    readonly end: bigint,
  ) {
    super(
      `the sink wants ${partitionText(partition)} from offset ${next}, and the log holds ${start} to ${end}: ` +
        (next < start
          ? 'it has expired there; raise the retention of the topic, and take a new snapshot'
          : 'it was cut off; find out what was lost with it, and take a new snapshot'),
    );
  }
}
