import fc from 'fast-check';
import { chooseTransport, type Choice } from '../../lib/channel/choice/choose-transport.js';
import type { Workload } from '../../lib/channel/choice/workload.js';

const small: Workload = {
  ordered: true,
  versioned: false,
  peakPerSecond: 50,
  busiestGroupPerSecond: 5,
  messageBytes: 2_000,
  region: 'us-east-1',
  consumerMs: 50,
  sendBatch: 1,
  consumerBatch: 10,
};

/** AWS's pages as read by hand, so that a slip in the table of the product shows here. */
const byHand = (workload: Workload) => {
  const { peakPerSecond, busiestGroupPerSecond, messageBytes, consumerMs, consumerBatch } = workload;
  const inOneCall =
    messageBytes > 1_048_576
      ? workload.sendBatch
      : Math.max(1, Math.min(workload.sendBatch, Math.floor(1_048_576 / messageBytes)));
  const seconds = consumerMs / 1000;
  const group = workload.ordered ? busiestGroupPerSecond / (workload.versioned ? inOneCall : 1) : 0;
  const calls = Math.max(peakPerSecond / inOneCall, group);
  const regional: Record<string, number> = {
    'us-east-1': 70_000,
    'eu-central-1': 19_000,
    'ap-southeast-2': 9_000,
    'eu-west-2': 4_500,
    'ca-central-1': 2_400,
  };
  const consumed = peakPerSecond * seconds * consumerBatch <= 120_000 && peakPerSecond * seconds <= 1_250;
  const drains = !workload.ordered || (group <= 300 && busiestGroupPerSecond * seconds <= 1);
  return {
    fifo: calls <= 300 && drains && consumed,
    highThroughput: calls <= (regional[workload.region ?? ''] ?? 2_400) && drains && consumed,
    standard: consumed,
  };
};

const workloads: fc.Arbitrary<Workload> = fc
  .record({
    ordered: fc.boolean(),
    versioned: fc.boolean(),
    peakPerSecond: fc.oneof(
      fc.integer({ min: 1, max: 1_000 }),
      fc.integer({ min: 1, max: 200_000 }),
      fc.double({ min: 0.01, max: 400, noNaN: true }),
    ),
    share: fc.oneof(fc.double({ min: 0.0001, max: 1, noNaN: true }), fc.constant(1)),
    messageBytes: fc.oneof(fc.integer({ min: 1, max: 300_000 }), fc.integer({ min: 1, max: 3_000_000 })),
    region: fc.constantFrom(
      'us-east-1',
      'eu-central-1',
      'ap-southeast-2',
      'eu-west-2',
      'ca-central-1',
      undefined,
    ),
    consumerMs: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60_000 })),
    sendBatch: fc.integer({ min: 1, max: 10 }),
    consumerBatch: fc.integer({ min: 1, max: 10 }),
  })
  .map(({ share, ...rest }) => ({ ...rest, busiestGroupPerSecond: rest.peakPerSecond * share }));

test('no choice exceeds a quota, and Standard is chosen only where FIFO cannot hold the workload', () => {
  const seen = new Map<Choice['transport'], number>();
  fc.assert(
    fc.property(workloads, (workload) => {
      const { transport, reasons, fair } = chooseTransport(workload);
      seen.set(transport, (seen.get(transport) ?? 0) + 1);
      const holds = byHand(workload);
      const expected = holds.fifo
        ? 'FIFO'
        : holds.highThroughput
          ? 'HIGH_THROUGHPUT_FIFO'
          : holds.standard
            ? 'STANDARD'
            : undefined;
      expect(transport).toBe(expected);
      expect(reasons.length).toBeGreaterThan(0);
      if (fair) expect(transport).toBe('STANDARD');
    }),
    { numRuns: 5_000, seed: 18 },
  );
  // A property that never met one of them has shown nothing of it.
  for (const transport of ['FIFO', 'HIGH_THROUGHPUT_FIFO', 'STANDARD', undefined] as const)
    expect(seen.get(transport) ?? 0).toBeGreaterThan(50);
});

test('more of anything never leads back to a smaller kind of queue', () => {
  const rank = ({ transport }: Choice) =>
    transport === undefined ? 3 : ['FIFO', 'HIGH_THROUGHPUT_FIFO', 'STANDARD'].indexOf(transport);
  fc.assert(
    fc.property(workloads, fc.double({ min: 1, max: 20, noNaN: true }), (workload, times) => {
      const before = rank(chooseTransport(workload));
      for (const field of ['peakPerSecond', 'consumerMs'] as const)
        expect(
          rank(chooseTransport({ ...workload, [field]: workload[field] * times })),
        ).toBeGreaterThanOrEqual(before);
    }),
    { numRuns: 1_000, seed: 18 },
  );
});

test('each step up names what is needed, what there is, and the page of AWS', () => {
  expect(chooseTransport(small).reasons).toEqual([
    expect.stringMatching(
      /^FIFO: holds it, closest with 0\.25 of 1 batches of a group at a time .*services-sqs-scaling/,
    ),
  ]);
  const wide = chooseTransport({ ...small, peakPerSecond: 5_000 });
  expect(wide.transport).toBe('HIGH_THROUGHPUT_FIFO');
  expect(wide.reasons[0]).toMatch(
    /^not FIFO: 5,000 needed, of 300 calls\/s of an action \(5,000 messages\/s at the peak \/ 1 in a call; https:\/\/docs\.aws\.amazon\.com\/.*quotas-messages/,
  );
  const hot = chooseTransport({ ...small, peakPerSecond: 500, busiestGroupPerSecond: 100 });
  expect(hot.transport).toBe('STANDARD');
  expect(hot.reasons).toContainEqual(
    expect.stringMatching(
      /^not high-throughput FIFO: 5 needed, of 1 batches of a group at a time \(100 messages\/s of the busiest group x 50 ms/,
    ),
  );
  expect(hot.needs).toEqual([expect.stringMatching(/^versions from the producer, per aggregate/)]);
});

test('a batch of large messages holds fewer of them, and a body beyond the limit goes to S3', () => {
  const large = { ...small, ordered: false, peakPerSecond: 2_000, sendBatch: 10, consumerMs: 5 };
  expect(chooseTransport(large).transport).toBe('FIFO');
  expect(chooseTransport({ ...large, messageBytes: 500_000 }).transport).toBe('HIGH_THROUGHPUT_FIFO');
  const beyond = chooseTransport({ ...large, messageBytes: 5_000_000 });
  expect(beyond.transport).toBe('FIFO');
  expect(beyond.needs).toEqual([expect.stringMatching(/^bodies in S3/)]);
});

test('fair where the busiest group would be found noisy, plain where fairness would see nothing', () => {
  const tenants = { ...small, ordered: false, peakPerSecond: 4_000, region: 'ca-central-1' };
  const flood = { ...tenants, busiestGroupPerSecond: 1_000 };
  expect(chooseTransport(flood)).toMatchObject({ transport: 'STANDARD', fair: true });
  expect(chooseTransport({ ...tenants, busiestGroupPerSecond: 40 })).toMatchObject({ fair: false });
  expect(chooseTransport({ ...flood, busiestGroupPerSecond: 4_000 })).toMatchObject({ fair: false });
});

test('a quota that AWS raises is asked for, and decides nothing', () => {
  const choice = chooseTransport({ ...small, ordered: false, peakPerSecond: 11_000, consumerMs: 100 });
  expect(choice.transport).toBe('HIGH_THROUGHPUT_FIFO');
  expect(choice.needs).toEqual([expect.stringMatching(/^a higher quota: 1,100 needed, of 1,000/)]);
});

test('what no single queue holds is said, not given to the largest kind', () => {
  const choice = chooseTransport({ ...small, peakPerSecond: 50_000, consumerMs: 500 });
  expect(choice.transport).toBeUndefined();
  expect(choice.needs).toEqual(['several channels, each with a part of the groups']);
});
