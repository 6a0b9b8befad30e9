import { createHash } from 'node:crypto';
import { auditViews, type ViewsEvidence } from '../../drive/audit/views-audit.js';

const trail = (...ids: string[]) =>
  ids.reduce((so, id) => createHash('sha256').update(`${so} ${id}`).digest('hex'), '');

/** Two customers, three payments: what a correct run leaves. */
function right(): {
  -readonly [Name in keyof ViewsEvidence]: ViewsEvidence[Name];
} {
  const event = (customer: string, version: bigint, paymentId: string) => ({
    ...{ customer, version, paymentId, cents: 100n, unsent: false },
  });
  return {
    events: [event('a', 1n, 'p1'), event('a', 2n, 'p2'), event('b', 1n, 'p3')],
    settled: new Map([
      ['p1', 1n],
      ['p2', 1n],
      ['p3', 1n],
    ]),
    views: new Map([
      ['a', { payments: 2n, cents: 200n, trail: trail('p1', 'p2') }],
      ['b', { payments: 1n, cents: 100n, trail: trail('p3') }],
    ]),
    dead: [],
    leftInQueue: 0,
  };
}

test('a correct run is exactly-once', () => {
  expect(auditViews(right())).toMatchObject({ verdict: 'exactly-once', sent: 3, effects: 3, findings: [] });
});

const view = (payments: bigint, cents: bigint, ids: string[]) => ({ payments, cents, trail: trail(...ids) });

test.each<[string, (evidence: ReturnType<typeof right>) => void, string]>([
  [
    'a lost event',
    (so) => (so.views = new Map([['a', view(2n, 200n, ['p1', 'p2'])]])),
    'lacks events: lost (b)',
  ],
  [
    'a doubled event',
    (so) => (so.views = new Map([...so.views, ['b', view(2n, 200n, ['p3', 'p3'])]])),
    'too many events: doubled (b)',
  ],
  [
    'another order',
    (so) => (so.views = new Map([...so.views, ['a', view(2n, 200n, ['p2', 'p1'])]])),
    'in another order, or with other amounts, than was settled (a)',
  ],
  ['a gap', (so) => (so.events = so.events.filter(({ paymentId }) => paymentId !== 'p1')), 'not 1, 2, 3 (a)'],
  ['an unsent event', (so) => (so.events = so.events.map((e) => ({ ...e, unsent: true }))), 'still unsent'],
  ['a settlement without an event', (so) => (so.settled = new Map([...so.settled, ['p4', 1n]])), '(p4)'],
  ['an event without a settlement', (so) => (so.settled = new Map([['p1', 1n]])), 'than they were settled'],
  [
    'a dead letter',
    (so) => (so.dead = [{ id: 'p1', reason: 'no' }]),
    '1 events are in the dead-letter queue',
  ],
  ['a message in the queue', (so) => (so.leftInQueue = 1), '1 messages are still in the queue'],
  ['a depth that is no number', (so) => (so.leftInQueue = Number.NaN), 'NaN messages are still'],
  [
    'nothing at all',
    (so) => Object.assign(so, { events: [], settled: new Map(), views: new Map() }),
    '0 have acted: an audit that saw nothing has failed',
  ],
])('finds %s', (_, plant, finding) => {
  const evidence = right();
  plant(evidence);
  const found = auditViews(evidence);
  expect(found.verdict).toBe('violated');
  expect(found.findings.join('\n')).toContain(finding);
});
