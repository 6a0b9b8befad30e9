import { NotAccepted, type RefusalKind } from './errors.js';

/** An entry of an answer that names what was not accepted. */
export interface RefusedEntry<E> {
  readonly event: E;
  readonly code: string | undefined;
  readonly message: string | undefined;
  /** What SQS and SNS say of whose fault it is. Throttling may be called the sender's. */
  readonly senderFault?: boolean;
}

/** An answer's failed entries as errors, by what they are about. */
export function notAccepted<E>(
  target: string,
  entries: readonly RefusedEntry<E>[],
): ReadonlyMap<E, NotAccepted> {
  const refused = new Map<E, NotAccepted>();
  for (const { event, code = 'unknown', message = 'no message', senderFault } of entries)
    refused.set(event, new NotAccepted(target, code, message, refusalKind(code, senderFault)));
  return refused;
}

/** What SQS and SNS answer to a batch, whose entries have their places in it as ids. */
export interface BatchAnswer {
  readonly Successful?: readonly { readonly Id?: string }[];
  readonly Failed?: readonly {
    readonly Id?: string;
    readonly Code?: string;
    readonly Message?: string;
    readonly SenderFault?: boolean;
  }[];
}

/** All of a batch but what was said to be accepted: of an entry that is in neither list nobody has said so. */
export function unaccepted<E>(
  target: string,
  batch: readonly E[],
  { Successful = [], Failed = [] }: BatchAnswer,
): ReadonlyMap<E, NotAccepted> {
  const accepted = new Set(Successful.map(({ Id }) => Id));
  const failures = new Map(Failed.map((failure) => [failure.Id, failure]));
  return notAccepted(
    target,
    batch.flatMap((event, index) => {
      const id = String(index);
      if (accepted.has(id)) return [];
      const { Code, Message, SenderFault } = failures.get(id) ?? {};
      return [{ event, code: Code, message: Message, senderFault: SenderFault }];
    }),
  );
}

/** RequestThrottled, ThrottlingException, KMS.ThrottlingException, KmsThrottled, OverLimit, ... */
const throttling = /throttl|slow ?down|over ?limit|too ?many ?requests|limit ?exceeded/i;
const faultOfTheTarget = /internal|unavailable|timeout|busy/i;

/**
 * What the code of a failed entry says, and only where it says nothing, the flag: throttling, also that of a key of
 * KMS, comes with `SenderFault: true`, and whoever believes the flag first drops what would have been accepted a
 * moment later.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_BatchResultErrorEntry.html
 */
export function refusalKind(code: string, senderFault?: boolean): RefusalKind {
  if (throttling.test(code)) return 'throttled';
  if (faultOfTheTarget.test(code)) return 'transient';
  return senderFault === true ? 'final' : 'transient';
}

/** Whether a call failed as a whole because there was too much at once: then nothing of it was accepted. */
export function isThrottling(error: unknown): boolean {
  const { $retryable, name = '' } = Object(error) as {
    $retryable?: { throttling?: boolean };
    name?: string;
  };
  return $retryable?.throttling === true || throttling.test(name);
}

/** Names of errors by which a target, or the permission to send to it, is not there. */
const gone = [
  'QueueDoesNotExist',
  'AWS.SimpleQueueService.NonExistentQueue',
  'NotFound',
  'NotFoundException',
  'ResourceNotFoundException',
  'AccessDenied',
  'AccessDeniedException',
  'AuthorizationError',
  'AuthorizationErrorException',
];

export function isGone(error: unknown): boolean {
  return error instanceof Error && gone.includes(error.name);
}
