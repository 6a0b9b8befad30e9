/** What is known of a workload once everything has been asked. */
export interface Answers {
  readonly ordered: boolean;
  readonly versioned: boolean;
  readonly peak: number;
  readonly busiestGroup: number;
  readonly consumerTime: number;
  readonly size: number;
  readonly sendBatch: number;
  readonly region: string | undefined;
}

type Parsed =
  { readonly value: string | number | boolean; readonly problem?: undefined } | { readonly problem: string };

/** One question: as a flag, and as it is put on a terminal. */
export interface Question {
  readonly name: keyof Answers;
  readonly flags: string;
  readonly text: string;
  /** What counts when nothing is said. Undefined: it has to be said. */
  readonly otherwise?: (given: Partial<Answers>) => string | undefined;
  readonly parse: (text: string) => Parsed;
}

/** In the order in which they are asked. */
export const questions: readonly Question[] = [
  {
    name: 'ordered',
    flags: '--ordered <yes-or-no>',
    text: 'must a later message of a group not act before an earlier one',
    parse: yesOrNo,
  },
  {
    name: 'versioned',
    flags: '--versioned <yes-or-no>',
    text: 'do producers number their messages per aggregate, as the outbox does (default: no)',
    otherwise: () => 'no',
    parse: yesOrNo,
  },
  {
    name: 'peak',
    flags: '--peak <n>',
    text: 'messages a second at a peak that lasts, all groups together',
    parse: amount,
  },
  {
    name: 'busiestGroup',
    flags: '--busiest-group <n>',
    text: 'messages a second of the busiest group: customer, account, tenant (default: the peak)',
    otherwise: ({ peak }) => (peak === undefined ? undefined : String(peak)),
    parse: amount,
  },
  {
    name: 'consumerTime',
    flags: '--consumer-time <ms>',
    text: 'milliseconds that the consumer takes for one message',
    parse: amount,
  },
  {
    name: 'size',
    flags: '--size <bytes>',
    text: 'bytes of a message with its attributes (default: 4096)',
    otherwise: () => '4096',
    parse: amount,
  },
  {
    name: 'sendBatch',
    flags: '--send-batch <n>',
    text: 'messages in one call of the sender at the peak, 1 to 10 (default: 1)',
    otherwise: () => '1',
    parse: amount,
  },
  {
    name: 'region',
    flags: '--region <region>',
    text: 'AWS Region (default: not known, the smallest quotas count)',
    otherwise: () => '',
    parse: (text) => ({ value: text }),
  },
];

function yesOrNo(text: string): Parsed {
  const value = /^y(es)?$/i.test(text) ? true : /^no?$/i.test(text) ? false : undefined;
  return value === undefined ? { problem: `must be yes or no, got '${text}'` } : { value };
}

function amount(text: string): Parsed {
  const value = Number(text);
  return text.trim() !== '' && value > 0 && value < Infinity
    ? { value }
    : { problem: `must be a number above 0, got '${text}'` };
}
