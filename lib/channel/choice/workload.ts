/** What is known, or expected, of the messages of a channel. */
export interface Workload {
  /** Whether a later message of a group must not act before an earlier one. */
  readonly ordered: boolean;
  /**
   * Whether the producer numbers its messages per aggregate (the outbox does): then consumers keep the order on
   * Standard, too.
   */
  readonly versioned: boolean;
  readonly peakPerSecond: number;
  /** Messages a second of the busiest group (customer, account, tenant). */
  readonly busiestGroupPerSecond: number;
  /** Of one message, attributes included. */
  readonly messageBytes: number;
  /** AWS Region. Undefined: not known, the smallest quotas count. */
  readonly region: string | undefined;
  /** How long a consumer takes for one message. */
  readonly consumerMs: number;
  /** Messages in one call of the sender, 1 to 10. */
  readonly sendBatch: number;
  /** Messages in one invocation of the consumer, 1 to 10. */
  readonly consumerBatch: number;
}

/** What is wrong with a number of a workload. */
export interface WorkloadProblem {
  readonly field: keyof Workload;
  readonly given: string;
  readonly allowed: string;
}

/** Everything that is no workload: an amount below 0, a group that is busier than all together. */
export function workloadProblems(workload: Workload): WorkloadProblem[] {
  const { peakPerSecond } = workload;
  const problem = (field: keyof Workload, holds: boolean, allowed: string): WorkloadProblem[] =>
    holds ? [] : [{ field, given: String(workload[field]), allowed }];
  const positive = (field: 'peakPerSecond' | 'busiestGroupPerSecond' | 'messageBytes' | 'consumerMs') =>
    problem(field, workload[field] > 0 && workload[field] < Infinity, 'a number above 0');
  const batch = (field: 'sendBatch' | 'consumerBatch') =>
    problem(field, workload[field] >= 1 && workload[field] <= 10, 'from 1 to 10');
  return [
    ...positive('peakPerSecond'),
    ...positive('busiestGroupPerSecond'),
    ...positive('messageBytes'),
    ...positive('consumerMs'),
    ...batch('sendBatch'),
    ...batch('consumerBatch'),
    ...problem(
      'busiestGroupPerSecond',
      !(workload.busiestGroupPerSecond > peakPerSecond),
      `at most ${peakPerSecond}, the peak of all groups`,
    ),
  ];
}
