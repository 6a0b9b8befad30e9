/** Offsets `from` to `to`, and how often they were handed out. */
export type Range = readonly [from: number, to: number, times: number];

/** Ranges that are kept of a partition: so many have room in 1 KB. */
const mostRanges = 24;
/** How far behind the present batch offsets are remembered: no batch has more records. */
const reach = 10_000;

/**
 * Counts a batch of a partition.
 *
 * @param offsets ascending
 * @returns how often each has been handed out, this time included, and what is known then.
 */
export function handOut(
  ranges: readonly Range[],
  offsets: readonly number[],
): { readonly deliveries: readonly number[]; readonly ranges: readonly Range[] } {
  const deliveries = offsets.map((offset) => timesOf(ranges, offset) + 1);
  const [first = 0] = offsets;
  const near = ranges.filter(([, to]) => to >= first - reach);
  const last = offsets.at(-1) ?? first;
  const batch = new Map(offsets.map((offset, i) => [offset, deliveries[i] ?? 1]));
  let before = 0;
  const now = pieces(near, offsets).flatMap(([from, to]): Range[] => {
    const times = batch.get(from) ?? timesOf(near, from);
    // Of what lies between two records of a batch, nothing is known of what is no record: so they stay one range.
    const counted = times > 0 ? times : first < from && from < last ? before : 0;
    before = counted;
    return counted > 0 ? [[from, to, counted]] : [];
  });
  return { deliveries, ranges: bounded(joined(now)) };
}

/** What is known once some of the offsets are told to have been handed out another number of times. */
export function recounted(
  ranges: readonly Range[],
  offsets: readonly number[],
  times: (now: number) => number,
): readonly Range[] {
  const some = new Set(offsets);
  return bounded(
    joined(
      pieces(ranges, offsets).flatMap(([from, to]): Range[] => {
        const now = timesOf(ranges, from);
        return now > 0 ? [[from, to, some.has(from) ? times(now) : now]] : [];
      }),
    ),
  );
}

/** What lies between the first and the last offset of either, cut where one of them begins or ends. */
function pieces(ranges: readonly Range[], offsets: readonly number[]): readonly [from: number, to: number][] {
  const cuts = new Set([
    ...ranges.flatMap(([from, to]) => [from, to + 1]),
    ...offsets.flatMap((offset) => [offset, offset + 1]),
  ]);
  const sorted = [...cuts].sort((one, other) => one - other);
  return sorted.slice(0, -1).map((from, i) => [from, (sorted[i + 1] ?? from + 1) - 1]);
}

function timesOf(ranges: readonly Range[], offset: number): number {
  return ranges.find(([from, to]) => from <= offset && offset <= to)?.[2] ?? 0;
}

function joined(ranges: readonly Range[]): Range[] {
  const all: Range[] = [];
  for (const range of ranges) {
    const previous = all.at(-1);
    if (previous !== undefined && previous[2] === range[2] && previous[1] + 1 === range[0])
      all[all.length - 1] = [previous[0], range[1], range[2]];
    else all.push(range);
  }
  return all;
}

/** Too high a count has a record looked up, or run after the others: it harms nothing. */
function bounded(ranges: readonly Range[]): readonly Range[] {
  const some = [...ranges];
  while (some.length > mostRanges) {
    const [[from, , one], [, to, other]] = some.splice(0, 2) as [Range, Range];
    some.unshift([from, to, Math.max(one, other)]);
  }
  return some;
}
