import { Arrival, type State } from '../../runtime/consumer/arrival.js';
import { noHistory, noted, type History } from '../../runtime/dedup/history.js';
import { deliveryOf } from '../../runtime/sqs/delivery.js';
import { record } from '../fixtures/queue.js';

const arrived = (receiveCount: number, silent?: number) =>
  new Arrival(deliveryOf(record({ group: 'g', body: {}, receiveCount })), silent);
const known = (history: Partial<History>): History => ({ ...noHistory, ...history });

test('a message waits for its turn, and nobody suspects it, while nothing is known of it', () => {
  const arrival = arrived(9);
  expect(arrival.state).toEqual({ kind: 'waiting' } satisfies State);
  expect([arrival.isSuspect, arrival.isSettled, arrival.isCounted, arrival.company]).toEqual([
    false,
    false,
    false,
    0,
  ]);
});

test.each<[what: string, receiveCount: number, history: Partial<History>, suspect: boolean]>([
  ['was never delivered before', 1, {}, false],
  ['was delivered once without a word: that may be a deployment', 2, {}, false],
  ['was delivered twice without a word', 3, {}, true],
  ['failed each time and lived', 3, { failed: 2 }, false],
  ['waited each time', 5, { excused: 4 }, false],
  ['failed or waited, but for one delivery', 4, { excused: 1, failed: 1 }, false],
  ['failed once, and then said nothing twice', 4, { failed: 1 }, true],
  ['was written down more often than it was delivered, as a retried note may be', 3, { failed: 7 }, false],
])('R20: a message that %s', (_, receiveCount, history, suspect) => {
  const arrival = arrived(receiveCount);
  arrival.recall(known(history));
  expect(arrival.isSuspect).toBe(suspect);
  expect(arrival.history).toEqual(known(history));
});

test.each([
  [0, false],
  [1, false],
  [2, true],
])(
  'R46: one that is drained is under the suspicion of its nudge: after %i silent deliveries',
  (silent, suspect) => {
    // The receives of the message itself were counted before it was parked, and say nothing of its nudge.
    const arrival = arrived(20, silent);
    arrival.recall(noHistory);
    expect(arrival.isSuspect).toBe(suspect);
  },
);

test('a suspect is started in a company, and keeps its size for what is written down about it', () => {
  const arrival = arrived(3);
  arrival.recall(noHistory);
  arrival.start(5);
  expect(arrival.state).toEqual({ kind: 'started', company: 5 } satisfies State);
  expect(arrival.isSuspect).toBe(false);
  arrival.settle({ kind: 'processed' });
  expect([arrival.isSettled, arrival.company, arrival.outcome]).toEqual([true, 5, { kind: 'processed' }]);
});

test('what is recalled late makes no suspect of a message that has its outcome, or has been started', () => {
  const settled = arrived(9);
  settled.settle({ kind: 'duplicate' });
  settled.recall(noHistory);
  expect(settled.outcome).toEqual({ kind: 'duplicate' });
  const started = arrived(9);
  started.recall(noHistory);
  started.start(1);
  started.recall(noHistory);
  expect(started.state).toEqual({ kind: 'started', company: 1 } satisfies State);
});

test('only what is said to be counted is counted, and the last outcome stands', () => {
  const arrival = arrived(1);
  arrival.settle({ kind: 'retry', error: new Error('mine') }, true);
  expect(arrival.isCounted).toBe(true);
  arrival.settle({ kind: 'retry' });
  expect([arrival.isCounted, arrival.outcome]).toEqual([false, { kind: 'retry' }]);
});

test('a note of a suspect that lived clears what its starts said, and one of any other message does not', () => {
  const history = known({ alone: 1, company: 1, readable: true });
  expect(noted(history, { id: 'm', kind: 'excused', survived: true })).toEqual(
    known({ excused: 1, readable: true }),
  );
  expect(noted(history, { id: 'm', kind: 'failed' })).toEqual({ ...history, failed: 1 });
  expect(noted(known({}), { id: 'm', kind: 'readable' })).toEqual(known({ readable: true }));
});
