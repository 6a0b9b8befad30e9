import { asObject } from './as-object.js';

/**
 * What two copies of a body agree on. An envelope of SNS or EventBridge around a message that is published again has
 * another id, time and signature, and means the same.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
 */
export function meant(json: unknown): unknown {
  const body = asObject(json);
  if (
    body?.Type === 'Notification' &&
    typeof body.TopicArn === 'string' &&
    typeof body.Message === 'string'
  ) {
    const { Type, TopicArn, Subject, Message, MessageAttributes } = body;
    return { Type, TopicArn, Subject, Message, MessageAttributes };
  }
  if (
    body !== undefined &&
    typeof body['detail-type'] === 'string' &&
    body.version === '0' &&
    'detail' in body
  ) {
    const { source, account, region, resources, detail } = body;
    return { 'detail-type': body['detail-type'], source, account, region, resources, detail };
  }
  return json;
}
