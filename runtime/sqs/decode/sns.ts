import { RejectMessage } from '../../dedup/errors.js';
import { asObject, objectWith } from './envelope.js';
import { decoded, type Decode } from '../../consumer/decode/decode.js';

/**
 * Takes a message out of the envelope of SNS. The envelope of a message that is published again has another
 * MessageId, Timestamp and Signature: a fingerprint of the envelope would take the second copy for another payload.
 *
 * What was published is the body then, and its message attributes are the message's. A body without an envelope is
 * given on as it is: a subscription may be switched to raw delivery, and back, at any time.
 *
 * The signature is not checked: who may send to the queue is for the queue's policy to say.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
 */
export function snsEnvelope(): Decode {
  return (text) => {
    const envelope = objectWith(text, '"TopicArn"');
    const { Type, TopicArn, Message, MessageAttributes } = envelope ?? {};
    if (typeof TopicArn !== 'string' || typeof Message !== 'string') return text;
    if (Type === 'SubscriptionConfirmation' || Type === 'UnsubscribeConfirmation')
      throw new RejectMessage(
        `SNS sent a ${Type}; somebody has to visit the address in it (a topic of another account was subscribed without its owner)`,
      );
    return Type === 'Notification' ? decoded({ text: Message }, attributesOf(MessageAttributes)) : text;
  };
}

/** As SQS would give them: text and numbers. `fromEntries`, because an attribute may be called `__proto__`. */
function attributesOf(given: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(asObject(given) ?? {}).flatMap(([name, attribute]) => {
      const { Type, Value } = asObject(attribute) ?? {};
      return typeof Value === 'string' && Type !== 'Binary' ? [[name, Value]] : [];
    }),
  );
}
