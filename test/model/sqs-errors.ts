import {
  BatchEntryIdsNotDistinct,
  BatchRequestTooLong,
  EmptyBatchRequest,
  InvalidBatchEntryId,
  InvalidMessageContents,
  QueueDoesNotExist,
  SQSServiceException,
  TooManyEntriesInBatchRequest,
} from '@aws-sdk/client-sqs';

/** The errors that SQS answers with, as the SDK raises them. */
const $metadata = { httpStatusCode: 400 };

/** SQS models no class for these: the SDK raises its base class under their name. */
export function invalidParameter(
  reason: string,
  name: 'InvalidParameterValue' | 'MissingParameter' = 'InvalidParameterValue',
): SQSServiceException {
  return new SQSServiceException({ name, $fault: 'client', message: reason, $metadata });
}
export function invalidContents(message: string): InvalidMessageContents {
  return new InvalidMessageContents({ message, $metadata });
}
export function noSuchQueue(): QueueDoesNotExist {
  return new QueueDoesNotExist({ message: 'The specified queue does not exist.', $metadata });
}

export const batchErrors = {
  empty: () =>
    new EmptyBatchRequest({
      message: 'There should be at least one entry in the request.',
      $metadata,
    }),
  tooMany: (entries: number) =>
    new TooManyEntriesInBatchRequest({
      message: `Maximum number of entries per request are 10. You have sent ${entries}.`,
      $metadata,
    }),
  sameId: (id: string) => new BatchEntryIdsNotDistinct({ message: `Id ${id} repeated.`, $metadata }),
  wrongId: () =>
    new InvalidBatchEntryId({
      message:
        'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
      $metadata,
    }),
  tooLong: (bytes: number, most: number) =>
    new BatchRequestTooLong({
      message: `Batch requests cannot be longer than ${most} bytes. You have sent ${bytes} bytes.`,
      $metadata,
    }),
};
