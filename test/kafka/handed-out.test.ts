import fc from 'fast-check';
import { handOut, recounted, type Range } from '../../runtime/kafka/handed-out.js';

const deliver = (ranges: readonly Range[], ...offsets: number[]) => handOut(ranges, offsets);

test('a batch that comes again counts, the next one is new', () => {
  const first = deliver([], 3, 4, 7);
  expect(first.deliveries).toEqual([1, 1, 1]);
  const again = deliver(first.ranges, 3, 4, 7);
  expect(again.deliveries).toEqual([2, 2, 2]);
  expect(deliver(again.ranges, 8, 9).deliveries).toEqual([1, 1]);
});

test('halves and rests of a batch keep the counts of their records, in whatever order they come', () => {
  const whole = deliver([], 1, 2, 3, 4, 5, 6);
  const second = deliver(whole.ranges, 4, 5, 6);
  const first = deliver(second.ranges, 1, 2, 3);
  expect([first.deliveries, second.deliveries]).toEqual([
    [2, 2, 2],
    [2, 2, 2],
  ]);
  expect(deliver(first.ranges, 3, 4, 9).deliveries).toEqual([3, 3, 1]);
});

test('what was processed in order for years is one range', () => {
  let ranges: readonly Range[] = [];
  for (let offset = 0; offset < 5_000; offset += 10)
    ({ ranges } = deliver(ranges, ...Array.from({ length: 10 }, (_one, i) => offset + i)));
  expect(ranges).toEqual([[0, 4_999, 1]]);
});

test('a count is told to be another one for some records only', () => {
  const { ranges } = deliver(deliver([], 1, 2, 3, 4).ranges, 1, 2, 3, 4);
  expect(recounted(ranges, [2, 3], () => 1)).toEqual([
    [1, 1, 2],
    [2, 3, 1],
    [4, 4, 2],
  ]);
});

test('the count is never too low within the reach of a batch, and always has room in its row', () => {
  const batches = fc.array(
    fc.tuple(
      fc.integer({ min: 0, max: 60 }),
      fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { minLength: 1 }),
    ),
    { minLength: 1, maxLength: 40 },
  );
  fc.assert(
    fc.property(batches, (some) => {
      const truth = new Map<number, number>();
      let ranges: readonly Range[] = [];
      for (const [start, picked] of some) {
        const offsets = picked.map((one) => start + one).toSorted((one, other) => one - other);
        const counted = handOut(ranges, offsets);
        for (const [i, offset] of offsets.entries()) {
          truth.set(offset, (truth.get(offset) ?? 0) + 1);
          if ((counted.deliveries[i] ?? 0) < (truth.get(offset) ?? 0)) return false;
        }
        ({ ranges } = counted);
        if (JSON.stringify(ranges).length > 900) return false;
      }
      return true;
    }),
    { numRuns: 500, seed: 3 },
  );
});
