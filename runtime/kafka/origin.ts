import type { KafkaRecord } from './event.js';

/** Of a dead letter: the JSON of a {@link KafkaOrigin}. */
export const kafkaOriginAttribute = 'ExactlyOnceKafka';

/** Where a dead letter stood in its topic, and all of the record that its body does not say. */
export interface KafkaOrigin extends Pick<
  KafkaRecord,
  'topic' | 'partition' | 'offset' | 'timestamp' | 'timestampType'
> {
  /** Base64. Null: the record has none. */
  readonly key: string | null;
  /** By name, bytes in base64. Null: the header has no value. */
  readonly headers: readonly (readonly [name: string, base64: string | null])[];
  /**
   * What the body of the dead letter is: the value as text; the value in base64, where SQS does not take it as text;
   * or `null` of a tombstone. `omitted`: the value is larger than a message of SQS, and there is no table for it;
   * read it at its place in the topic.
   */
  readonly body: 'text' | 'base64' | 'tombstone' | 'omitted';
}
