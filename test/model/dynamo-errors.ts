import {
  ConditionalCheckFailedException,
  DynamoDBServiceException,
  IdempotentParameterMismatchException,
  ProvisionedThroughputExceededException,
  ResourceNotFoundException,
  ThrottlingException,
  TransactionCanceledException,
  TransactionConflictException,
  TransactionInProgressException,
  type CancellationReason,
} from '@aws-sdk/client-dynamodb';
import type { Item } from './attribute-values.js';

/** The errors that DynamoDB answers with, as the SDK raises them. */
const $metadata = { httpStatusCode: 400 };

export function validation(
  message: string,
  name: 'ValidationException' | 'SerializationException' = 'ValidationException',
): DynamoDBServiceException {
  return new DynamoDBServiceException({ name, $fault: 'client', message, $metadata });
}

/**
 * How DynamoDB says that there is no throughput: a table with provisioned capacity in the first way, one on demand in
 * the second.
 */
export type Throttle = 'ProvisionedThroughputExceededException' | 'ThrottlingException';

const throttleMessages: Record<Throttle, string> = {
  ProvisionedThroughputExceededException:
    'The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.',
  ThrottlingException:
    'Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly.',
};

export function throttled(throttle: Throttle): Error {
  const message = throttleMessages[throttle];
  return throttle === 'ThrottlingException'
    ? new ThrottlingException({ message, $metadata, throttlingReasons: [] })
    : new ProvisionedThroughputExceededException({ message, $metadata });
}

/**
 * A transaction that meets no throughput is cancelled, and its first reason says so.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
export function throttledTransaction(throttle: Throttle, actions: number): TransactionCanceledException {
  const Code = throttle === 'ThrottlingException' ? 'ThrottlingError' : 'ProvisionedThroughputExceeded';
  const none = Array.from({ length: actions - 1 }, () => ({ Code: 'None' }));
  return cancelled([{ Code, Message: throttleMessages[throttle] }, ...none]);
}
export function conditionFailed(item: Item | undefined): ConditionalCheckFailedException {
  const message = 'The conditional request failed';
  return new ConditionalCheckFailedException({ message, $metadata, Item: item && { ...item } });
}
export function singleConflict(): TransactionConflictException {
  return new TransactionConflictException({ message: 'Transaction is ongoing for the item', $metadata });
}
export function inProgress(): TransactionInProgressException {
  const Message = 'The transaction with the given request token is already in progress.';
  return new TransactionInProgressException({ Message, message: Message, $metadata });
}
export function parameterMismatch(): IdempotentParameterMismatchException {
  const Message = 'The request uses the same client token as a previous, but non-identical request.';
  return new IdempotentParameterMismatchException({ Message, message: Message, $metadata });
}
export function notFound(): ResourceNotFoundException {
  return new ResourceNotFoundException({ message: 'Requested resource not found', $metadata });
}
export function cancelled(reasons: CancellationReason[]): TransactionCanceledException {
  const codes = reasons.map(({ Code }) => Code).join(', ');
  return new TransactionCanceledException({
    Message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
    message: 'Transaction cancelled',
    CancellationReasons: reasons,
    $metadata,
  });
}
