import type * as AggregateItem from '../../runtime/dynamodb/aggregate-item.js';
import type * as AttemptModule from '../../runtime/dynamodb/commit-attempt.js';
import type * as FailingModule from '../../runtime/sqs/failing.js';
import type * as CompanyModule from '../../runtime/consumer/company.js';
import type * as FoldModule from '../../runtime/dedup/fold.js';
import type * as LeaseModule from '../../runtime/dedup/lease-decision.js';
import type * as LedgerModule from '../../runtime/dedup/ledger.js';
import type * as DeliveryModule from '../../runtime/sqs/delivery.js';
import type * as PackModule from '../../runtime/dynamodb/pack.js';
import type * as ReceiptModule from '../../runtime/dynamodb/receipt.js';
import type * as VerdictModule from '../../runtime/dynamodb/receipt-verdict.js';
import type * as WriteModule from '../../runtime/dynamodb/write.js';
import type { Outcome } from '../../runtime/dedup/outcome.js';

/**
 * Decisions of the runtime that are no expressions, each turned wrong. A module is replaced by itself with the
 * functions below, and these do as the real ones do until their mutant is the active one.
 */
let active: string | undefined;

/** @param id of the one mutant that is to be wrong from now on; undefined makes all right again. */
export function activate(id: string | undefined): void {
  active = id;
}

type Judge = typeof VerdictModule.judge;

/** One mutant: the id says what the runtime forgets to do. */
function mutant<Given extends unknown[], Result>(
  id: string,
  right: (...given: Given) => Result,
  wrong: (...given: Given) => Result,
): (...given: Given) => Result {
  return (...given) => (active === id ? wrong(...given) : right(...given));
}

export const decisionIds = [
  'own write is called a duplicate',
  'another payload is called a duplicate',
  'a row in progress acknowledges',
  'a receipt counts until it expires',
  'the token of an aggregate is not compared',
  'what a reducer is given is not frozen',
  'a failing parked event has no carrier',
  'parked events are not read back',
  'a group is no lane',
  'a failed dead letter is acknowledged',
  'an unknown outcome is taken for a commit',
  'increments of one item are not summed',
  'a pack takes the last one first',
] as const;
/** Those that effects outside notice. */
export const leaseIds = [
  'a blocked effect is made again',
  'an earlier call is forgotten',
  'nobody waits for the end of a lease',
] as const;
type LeaseId = (typeof leaseIds)[number];
/** Those that killers notice. */
type CompanyId = 'nobody is ever called dead' | 'suspects are always started all together';
type DecisionId = (typeof decisionIds)[number];
const id = (name: DecisionId): DecisionId => name;

export function mutatedVerdict(real: typeof VerdictModule): typeof VerdictModule {
  const duplicate: Outcome = { kind: 'duplicate' };
  const calledDuplicate =
    (kind: Outcome['kind']): Judge =>
    (...given) => {
      const verdict = real.judge(...given);
      return verdict.kind === kind ? duplicate : verdict;
    };
  const ours = mutant(id('own write is called a duplicate'), real.judge, calledDuplicate('processed'));
  const reused = mutant(id('another payload is called a duplicate'), ours, calledDuplicate('rejected'));
  const judge = mutant(id('a row in progress acknowledges'), reused, calledDuplicate('retry'));
  return { ...real, judge };
}

export function mutatedReceipt(real: typeof ReceiptModule): typeof ReceiptModule {
  const receiptWrite = mutant(id('a receipt counts until it expires'), real.receiptWrite, (...given) => {
    const condition = {
      expression: 'attribute_not_exists(#id) OR #expiration < :now',
      names: { '#id': 'id', '#expiration': 'expiration' },
      values: { ':now': { N: String(Math.floor(Date.now() / 1000)) } },
    };
    return { ...real.receiptWrite(...given), condition };
  });
  return { ...real, receiptWrite };
}

export function mutatedAggregateItem(real: typeof AggregateItem): typeof AggregateItem {
  const tokenOf = mutant(id('the token of an aggregate is not compared'), real.tokenOf, () => undefined);
  return { ...real, tokenOf };
}

export function mutatedFold(real: typeof FoldModule): typeof FoldModule {
  const fold = ((...given: Parameters<typeof real.fold>) => {
    const result = real.fold(...given);
    return active === id('a failing parked event has no carrier') ? { ...result, stuck: [] } : result;
  }) as typeof real.fold;
  const frozen = id('what a reducer is given is not frozen');
  const deepFreeze: typeof real.deepFreeze = (value) => (active === frozen ? value : real.deepFreeze(value));
  return { ...real, fold, deepFreeze };
}

export function mutatedLedger(real: typeof LedgerModule): typeof LedgerModule {
  const parseLedger = mutant(id('parked events are not read back'), real.parseLedger, (...given) => {
    const ledger = real.parseLedger(...given);
    return new Map([...ledger].map(([stream, { position }]) => [stream, { position, parked: [] }]));
  });
  return { ...real, parseLedger };
}

export function mutatedDelivery(real: typeof DeliveryModule): typeof DeliveryModule {
  const deliveryOf = mutant(id('a group is no lane'), real.deliveryOf, (record) => ({
    ...real.deliveryOf(record),
    lane: record.messageId,
  }));
  return { ...real, deliveryOf };
}

export function mutatedDeadLetter(real: typeof FailingModule): typeof FailingModule {
  const silent = mutant(id('a failed dead letter is acknowledged'), real.sendDeadLetter, async (...given) =>
    real.sendDeadLetter(...given).catch(() => undefined),
  );
  return { ...real, sendDeadLetter: silent };
}

export function mutatedAttempt(real: typeof AttemptModule): typeof AttemptModule {
  const attempt = mutant(id('an unknown outcome is taken for a commit'), real.attempt, async (...given) =>
    real.attempt(...given).catch(() => ({ kind: 'committed' as const })),
  );
  return { ...real, attempt };
}

export function mutatedWrite(real: typeof WriteModule): typeof WriteModule {
  const summed = mutant(id('increments of one item are not summed'), real.summed, (before, write) =>
    real.summed(before, write) === undefined ? undefined : write,
  );
  return { ...real, summed };
}

export function mutatedPack(real: typeof PackModule): typeof PackModule {
  const pack = mutant(id('a pack takes the last one first'), real.pack, (units, most) =>
    real.pack([...units].reverse(), most),
  );
  return { ...real, pack };
}

export function mutatedCompany(real: typeof CompanyModule): typeof CompanyModule {
  const [immortal, together]: readonly [CompanyId, CompanyId] = [
    'nobody is ever called dead',
    'suspects are always started all together',
  ];
  const nextCompany: typeof real.nextCompany = (lanes) =>
    active === together ? lanes.flat() : real.nextCompany(lanes);
  return { ...real, hasDied: mutant(immortal, real.hasDied, () => false), nextCompany };
}

export function mutatedLease(real: typeof LeaseModule): typeof LeaseModule {
  const takenOver = (kind: LeaseModule.LeaseDecision['kind'], inDoubt: boolean): typeof real.decide => {
    return (...given) => {
      const decision = real.decide(...given);
      return decision.kind === kind ? { kind: 'take-over', inDoubt } : decision;
    };
  };
  const [again, forgotten, early]: readonly LeaseId[] = leaseIds;
  const blocked = mutant(again, real.decide, takenOver('blocked', true));
  const doubted = mutant(forgotten, blocked, takenOver('take-over', false));
  return { ...real, decide: mutant(early, doubted, takenOver('held', true)) };
}
