/**
 * What channels take of an event, less what travels beside it: its type as attribute, and on EventBridge the source.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
export const eventBytes = {
  sns: 256 * 1024 - 4_096,
  eventBridge: 1024 * 1024 - 4_096,
  sqs: 1024 * 1024 - 4_096,
} as const;
