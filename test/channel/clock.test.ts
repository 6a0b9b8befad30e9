import { setTimeout as sleep } from 'node:timers/promises';
import { TargetHealth } from '../../runtime/send/target-health.js';
import { TargetTimedOut } from '../../runtime/send/errors.js';
import { channelSender } from '../../runtime/channel/index.js';
import { newFifoQueue, sqs } from '../fixtures/queue.js';
import { refusingEntries } from '../fixtures/strict.js';
import { inGroups, keysIn, throttled } from './sending.js';

const client = sqs();
afterAll(() => {
  client.destroy();
});
const real = Date.now.bind(Date);
const hour = 3_600_000;
let offMs = 0;
beforeEach(() => {
  offMs = 0;
  jest.spyOn(Date, 'now').mockImplementation(() => real() + offMs);
});
afterEach(() => jest.restoreAllMocks());

describe('the clock of the day is set back by an hour while something is sent', () => {
  const sendingTo = (queueUrl: string, refusals: number) => {
    let calls = 0;
    const refusing = refusingEntries(sqs(), () => {
      calls += 1;
      // After the first pause has been set.
      if (calls === 2) setTimeout(() => (offMs = -hour), 5);
      return calls <= refusals ? throttled : undefined;
    });
    return channelSender({ settings: { queueUrl }, sqs: refusing, observe: () => undefined });
  };
  const inTime = <T>(sending: Promise<T>) =>
    Promise.race([sending, sleep(30_000, 'still waiting', { ref: false })]);

  test('what was throttled is sent when its pause is over', async () => {
    const queueUrl = await newFifoQueue(client);
    const sender = sendingTo(queueUrl, 3);
    const messages = inGroups(1, 1);
    const sent = sender.send(messages, { patienceMs: 4_000 }).then(() => 'sent');
    expect(await inTime(sent)).toBe('sent');
    expect(await keysIn(client, queueUrl)).toEqual(['g0-0']);
  });

  test('the caller gets back what is left when its patience is over', async () => {
    const sender = sendingTo(await newFifoQueue(client), Infinity);
    const failed = sender.send(inGroups(1, 1), { patienceMs: 700 }).catch((error: unknown) => error);
    expect(await inTime(failed)).toMatchObject({ name: 'MessagesNotSent' });
  });
});

test('a target that is left out for a while is asked again after it, though the clock was set back by an hour', () => {
  const health = new TargetHealth();
  const counted = performance.now();
  const passing = jest.spyOn(performance, 'now').mockReturnValue(counted);
  health.failed(new TargetTimedOut('queue', 100), real());
  expect(health.leftOutFor).toBeDefined();
  offMs = -hour;
  expect(health.leftOutFor).toBeDefined();
  passing.mockReturnValue(counted + 30_000);
  expect(health.leftOutFor).toBeUndefined();
});
