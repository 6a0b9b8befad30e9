import {
  ConditionalCheckFailedException,
  DynamoDBServiceException,
  IdempotentParameterMismatchException,
  ResourceNotFoundException,
  TransactionCanceledException,
  TransactionConflictException,
  TransactionInProgressException,
  type CancellationReason,
} from '@aws-sdk/client-dynamodb';
import type { Item } from './attribute-values.js';

/** The errors that DynamoDB answers with, as the SDK raises them. */
const $metadata = { httpStatusCode: 400 };

export function validation(message: string): DynamoDBServiceException {
  return new DynamoDBServiceException({ name: 'ValidationException', $fault: 'client', message, $metadata });
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
