import type { SNSClient } from '@aws-sdk/client-sns';
import { unlessMissing } from '../../dedup/package-missing.js';
import { unaccepted } from '../../send/refusal.js';
import { entriesPerCall } from '../../send/target.js';
import { attributesOf, bodyOf, messageBytes, type RelayTarget } from './target.js';

export interface TopicTargetOptions {
  readonly topicArn: string;
  /** @default - all */
  readonly types?: readonly string[];
  /** @default - a client of the function's own region */
  readonly client?: SNSClient;
}

/** SNS: at most 256 KB in one call. */
const callBytes = 262_144;

/**
 * An SNS standard topic. The message is the event, the attribute `type` its type, for filter policies. Unordered and
 * at least once: a subscriber that needs the order takes it from the event's version.
 *
 * @see https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
 */
export function topicTarget({ topicArn, types, client }: TopicTargetOptions): RelayTarget {
  let sns = client;
  return {
    name: topicArn,
    types,
    call: {
      events: entriesPerCall,
      bytes: callBytes,
      sizeOf: messageBytes,
    },
    async send(events, { signal }) {
      const { PublishBatchCommand, SNSClient } = await import('@aws-sdk/client-sns').catch(
        unlessMissing('@aws-sdk/client-sns', 'an SNS target'),
      );
      sns ??= new SNSClient({});
      const answer = await sns.send(
        new PublishBatchCommand({
          TopicArn: topicArn,
          PublishBatchRequestEntries: events.map((event, index) => ({
            Id: String(index),
            Message: bodyOf(event),
            MessageAttributes: attributesOf(event),
          })),
        }),
        { abortSignal: signal },
      );
      return unaccepted(topicArn, events, answer);
    },
  };
}
