import { DependencyFailed, ExactlyOnceError, type Fault } from '../dedup/error.js';

/**
 * Thrown to Lambda: records of the batch come again, and the mapping takes no partial responses, so that all of it
 * comes again. What is committed is then a duplicate.
 */
export class BatchComesAgain extends ExactlyOnceError {
  override name = 'BatchComesAgain';
  override readonly isWithoutData = true;
  override readonly fault: Fault = 'dependency';
  constructor(
    /** Records without a final outcome. */
    readonly comeAgain: number,
    /** Records in the batch. */
    readonly records: number,
  ) {
    super(
      `${comeAgain} of ${records} records come again, and with them the whole batch: the mapping takes no partial ` +
        'responses; give it provisioned pollers to have those alone come again',
    );
  }
}

/**
 * Another record stood at this position when it was processed: the topic was deleted and made anew, or its offsets
 * went backwards, and the consumer still has the id of the old one. Nothing of the partition is processed or
 * acknowledged until `topicIds` says the new id, so nothing is lost (R2).
 */
export class TopicRecreated extends DependencyFailed {
  override name = 'TopicRecreated';
  override readonly isWithoutData = true;
  constructor(
    /** Topic id, partition and offset, after the consumer's name. */
    readonly receiptId: string,
    options?: ErrorOptions,
  ) {
    super(
      'another record was processed at this offset: the topic was recreated, or its offsets went backwards, and ' +
        '`topicIds` still gives the id of the old one; give the id of the topic as it is now (kafka-topics.sh --describe)',
      options,
    );
  }
}

/** Records come from a topic whose id is not known, so that their positions identify nothing. They come again. */
export class TopicIdUnknown extends DependencyFailed {
  override name = 'TopicIdUnknown';
  override readonly isWithoutData = true;
  constructor(
    readonly topic: string,
    readonly known: readonly string[],
  ) {
    super(
      `topic '${topic}' has no id in \`topicIds\`, which knows ${known.map((name) => `'${name}'`).join(', ') || 'none'}; ` +
        'add its id (kafka-topics.sh --describe)',
    );
  }
}
