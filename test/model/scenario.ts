import * as fc from 'fast-check';
import { ChoiceBytes } from './choices.js';
import type { Unhappy } from './unhappy.js';

export const ways = ['transaction', 'insert', 'aggregate'] as const;
export type WayName = (typeof ways)[number];

/** What a message is like. */
export const natures = [
  'sound',
  /** Refused by the handler for ever, until somebody has mended the cause. */
  'poison',
  /** Fails twice, then succeeds. */
  'flaky',
  /** A body that is no JSON. */
  'broken',
  /** The key of the message before it, with another payload. */
  'reused',
  /** Its receipt row says "in progress" (left by Powertools), until that goes away. Transaction way only. */
  'in-progress',
  /** A newer version of the library has written its receipt row. Transaction way only. */
  'newer',
  /** Powertools has processed it before the consumer moved over. Transaction way only. */
  'done-before',
] as const;
/** Of the unhappy half only. */
export type UnhappyNature =
  /** Kills the process that handles it, until somebody has mended the cause. */
  | 'killer'
  /** The same, in the schema. */
  | 'schema-killer'
  /** The same, where its key, or its aggregate, is selected. */
  | 'key-killer'
  /**
   * The key of the message before it, and a payload that differs from its only in a digit that no double can hold.
   */
  | 'near';
export type Nature = (typeof natures)[number] | UnhappyNature;

export const killers: readonly Nature[] = ['killer', 'schema-killer', 'key-killer'];

/** What a handler of the transaction way writes, beside one increment. */
export const effectKinds = [
  'add',
  'set',
  'own-condition',
  'insert',
  'check',
  'shared',
  'get',
  'publish',
] as const;
/** The same, of the unhappy half: handlers that decide on what they read. */
export const readingKinds = [
  /** One more on the account of the group. */
  'deposit',
  /** One less, read before: on an empty account it is rejected. */
  'withdraw',
  /** The same, but it throws, and so comes again. */
  'insist',
  /** Writes down a number of the body that no double can hold. */
  'amount',
] as const;
/** The same: an effect outside, by what is to be done when its outcome is unknown: block, retry, reconcile. */
export const outsideKinds = ['mail', 'charge', 'transfer'] as const;
export type OutsideKind = (typeof outsideKinds)[number];
export const allKinds = [...effectKinds, ...readingKinds, ...outsideKinds];
export type EffectKind = (typeof allKinds)[number];

export interface MessageSpec {
  readonly group: number;
  readonly nature: Nature;
  readonly kind: EffectKind;
  /** How often the producer sends it again, as a message of its own. */
  readonly copies: number;
  /** So large that only two of its kind can be parked in one aggregate. Aggregate way only. */
  readonly big: boolean;
  /** Length of what the body carries for nothing. @default 0 */
  readonly ballast?: number;
}

/** What may go wrong in a run. Off by half in each, so that rare combinations are not drowned by common ones. */
export interface Faults {
  readonly crash: boolean;
  readonly lostRequest: boolean;
  readonly lostAnswer: boolean;
  /** A request takes effect after its sender has given up on it. */
  readonly late: boolean;
  /** DynamoDB has forgotten the request when the SDK sends it again. */
  readonly forgotten: boolean;
  /** Visibility ends while a consumer is still at work. */
  readonly zombies: boolean;
  /** The acknowledgement is lost; on Standard queues also copies out of nowhere. */
  readonly redelivery: boolean;
  readonly redrive: boolean;
  /** Hours pass: receipts expire and stay in the table. */
  readonly jumps: boolean;
  /** Expired receipts are deleted. */
  readonly reaper: boolean;
  readonly skew: boolean;
  /** Eventually consistent reads see the past. */
  readonly stale: boolean;
  /** A consumer stops in the middle and goes on later. */
  readonly pauses: boolean;
  /** Somebody else's transactions hold the rows that the consumers write. */
  readonly strangers: boolean;
  /** A relay sends what is in the outbox, and the rows are deleted afterwards. */
  readonly relay: boolean;
}

export interface Scenario {
  readonly way: WayName;
  readonly fifo: boolean;
  readonly instances: number;
  /** How often the SDK sends a request at most. */
  readonly sendings: number;
  /** Aggregate way on FIFO: messages of one aggregate go through two groups. */
  readonly spread: boolean;
  readonly messages: readonly MessageSpec[];
  readonly faults: Faults;
  readonly choices: readonly number[];
  /** Undefined: the happy half. */
  readonly unhappy?: Unhappy;
}

const naturesOf: Record<WayName, readonly Nature[]> = {
  transaction: natures,
  insert: ['sound', 'poison', 'flaky', 'broken', 'reused'],
  aggregate: ['sound', 'poison', 'flaky', 'broken', 'reused'],
};
const faultNames = [
  'crash',
  'lostRequest',
  'lostAnswer',
  'late',
  'forgotten',
  'zombies',
  'redelivery',
  'redrive',
  'jumps',
  'reaper',
  'skew',
  'stale',
  'pauses',
  'strangers',
  'relay',
] as const satisfies (keyof Faults)[];

const faults: fc.Arbitrary<Faults> = fc
  .integer({ min: 0, max: 2 ** faultNames.length - 1 })
  .map(
    (bits) =>
      Object.fromEntries(faultNames.map((name, i) => [name, (bits & (1 << i)) !== 0])) as unknown as Faults,
  );

/** Sound messages are as frequent as all others together. */
function message(way: WayName): fc.Arbitrary<MessageSpec> {
  const others = naturesOf[way].slice(1);
  return fc.record({
    group: fc.nat(2),
    nature: fc.nat(2 * others.length - 1).map((n) => others[n - others.length] ?? 'sound'),
    kind: fc.constantFrom(...effectKinds),
    copies: fc.nat(2),
    big: fc.nat(way === 'aggregate' ? 7 : 0).map((n) => n === 7),
  });
}

/** In half of the runs all messages write alike, so that they meet on the same rows. */
const focus = fc.nat(2 * effectKinds.length - 1).map((n) => effectKinds[n - effectKinds.length]);

/**
 * A receipt that is gone protects nothing, so handlers whose own condition would then never hold again are left out.
 */
function withReaper(scenario: Scenario): Scenario {
  if (!scenario.faults.reaper || scenario.way !== 'transaction') return scenario;
  const messages = scenario.messages.map((spec) => ({ ...spec, nature: 'sound', kind: 'add' }) as const);
  return { ...scenario, messages };
}

export function scenarios(way: WayName): fc.Arbitrary<Scenario> {
  return fc
    .record({
      way: fc.constant(way),
      fifo: fc.boolean(),
      instances: fc.integer({ min: 1, max: 3 }),
      sendings: fc.constantFrom(3, 1),
      spread: fc.boolean(),
      messages: fc.array(message(way), { minLength: 1, maxLength: 8, size: 'max' }),
      faults,
      choices: new ChoiceBytes(600),
      focus,
    })
    .map(({ focus: kind, ...scenario }) => {
      const messages = scenario.messages.map((spec) => ({ ...spec, kind: kind ?? spec.kind }));
      return withReaper({ ...scenario, messages });
    });
}
