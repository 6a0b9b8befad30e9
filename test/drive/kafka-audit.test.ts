import { auditAccounts, auditTopic, isExact } from '../../drive/kafka/audit.js';
import { isExactlyOnce } from '../../drive/kafka/report.js';

const purchases = [
  { purchase: 'a', customer: '1', cents: 100 },
  { purchase: 'b', customer: '1', cents: 250 },
  { purchase: 'c', customer: '2', cents: 250 },
] as const;
const [a, b, c] = purchases;
const report = { processorKills: 1, functionKills: 1, copies: 1, seconds: 1 };

describe('the audit of a topic', () => {
  it('passes when each purchase is there once, in any order', () => {
    expect(isExact(auditTopic('debits', purchases, [c, a, b]))).toBe(true);
  });

  it.each([
    ['one is lost', [a, b], { lost: 1, doubled: 0, unknown: 0 }],
    ['one is there twice', [a, b, c, c], { lost: 0, doubled: 1, unknown: 0 }],
    ['one is lost and another doubled, of one amount', [a, b, b], { lost: 1, doubled: 1, unknown: 0 }],
    ["one is nobody's", [a, b, c, { ...a, purchase: 'x' }], { lost: 0, doubled: 0, unknown: 1 }],
    ['an amount was changed', [a, b, { ...c, cents: 1 }], { lost: 0, doubled: 0, unknown: 0 }],
    ['nothing was sent and nothing came', [], { lost: 3, doubled: 0, unknown: 0 }],
  ])('fails when %s', (_, records, counts) => {
    const figures = auditTopic('debits', purchases, records);
    expect(figures).toMatchObject(counts);
    expect(isExact(figures)).toBe(false);
  });

  it('fails when it saw nothing', () => {
    expect(isExact(auditTopic('debits', [], []))).toBe(false);
    expect(isExactlyOnce({ ...report, figures: [] })).toBe(false);
  });
});

describe('the audit of accounts', () => {
  it('passes when each has its own purchases', () => {
    const accounts = [
      { customer: '1', purchases: 2, cents: 350 },
      { customer: '2', purchases: 1, cents: 250 },
    ];
    const figures = auditAccounts('accounts', purchases, accounts);
    expect(isExact(figures)).toBe(true);
    expect(isExactlyOnce({ ...report, figures: [figures] })).toBe(true);
  });

  it('does not let a loss of one hide a double of another', () => {
    const accounts = [
      { customer: '1', purchases: 1, cents: 100 },
      { customer: '2', purchases: 2, cents: 500 },
    ];
    const figures = auditAccounts('accounts', purchases, accounts);
    expect(figures).toMatchObject({ lost: 1, doubled: 1, cents: 600, expectedCents: 600 });
    expect(isExact(figures)).toBe(false);
  });

  it('fails when there is an account of nobody', () => {
    const accounts = [
      { customer: '1', purchases: 2, cents: 350 },
      { customer: '2', purchases: 1, cents: 250 },
      { customer: '3', purchases: 0, cents: 0 },
    ];
    expect(isExact(auditAccounts('accounts', purchases, accounts))).toBe(false);
  });
});
