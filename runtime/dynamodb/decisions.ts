/**
 * What an action of a transaction is for: to prove its message, to do what its handler asked for, or to publish an
 * event.
 */
export type Role = 'receipt' | 'effect' | 'event';

/** What DynamoDB says of one action of a cancelled transaction. */
type Reason = 'fine' | 'condition' | 'passing' | 'refused' | 'unknown';

/**
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html (Cancellation
 * reasons)
 */
const reasons: Readonly<Record<string, Reason>> = {
  None: 'fine',
  ConditionalCheckFailed: 'condition',
  TransactionConflict: 'passing',
  ThrottlingError: 'passing',
  ProvisionedThroughputExceeded: 'passing',
  RequestLimitExceeded: 'passing',
  ValidationError: 'refused',
  ItemCollectionSizeLimitExceeded: 'refused',
};

/**
 * - `innocent`: nothing is wrong with it.
 * - `judge`: the row that is in the way says what became of the message.
 * - `unsure`: whether the message is a duplicate is not known, so a failed condition of its own proves nothing.
 * - `compare`: what is stored is held against what its owners read, and what is left is the handler's own condition.
 * - `taken`: somebody has given the event's version; the next attempt asks for the one to go on from.
 * - `refuse`: the message's own fault, if it is of one message alone.
 * - `depend`: DynamoDB's fault.
 */
export type Decision = 'innocent' | 'judge' | 'unsure' | 'compare' | 'taken' | 'refuse' | 'depend';

/** By role and reason. One table, so that a mutation run can turn each. */
export const decisions: Record<Role, Record<Reason, Decision>> = {
  receipt: { fine: 'innocent', condition: 'judge', passing: 'unsure', refused: 'refuse', unknown: 'depend' },
  effect: {
    fine: 'innocent',
    condition: 'compare',
    passing: 'innocent',
    refused: 'refuse',
    unknown: 'depend',
  },
  event: { fine: 'innocent', condition: 'taken', passing: 'innocent', refused: 'refuse', unknown: 'depend' },
};

export function decide(role: Role, code = 'None'): Decision {
  return decisions[role][reasons[code] ?? 'unknown'];
}
