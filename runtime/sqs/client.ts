/**
 * All that consumers need of SQS. Loaded when a message fails; by way of this file, so that a bundler takes nothing
 * else of the client.
 */
export {
  ChangeMessageVisibilityBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
