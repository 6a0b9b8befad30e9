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
  const last = offsets.at(-1) ?? first;
  const before = ranges.flatMap(([from, to, times]): Range[] =>
    from < first && to >= first - reach
      ? [[Math.max(from, first - reach), Math.min(to, first - 1), times]]
      : [],
  );
  const after = ranges.flatMap(([from, to, times]): Range[] =>
    to > last ? [[Math.max(from, last + 1), to, times]] : [],
  );
  // What lies between two records of a batch are no records.
  const now = offsets.map((offset, i): Range => [
    offset,
    (offsets[i + 1] ?? last + 1) - 1,
    deliveries[i] ?? 1,
  ]);
  return { deliveries, ranges: bounded(joined([...before, ...now, ...after])) };
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
      ranges.flatMap(([from, to, now]) => {
        const inside = offsets.filter((offset) => from <= offset && offset <= to);
        const cuts = new Set([from, ...inside.flatMap((offset) => [offset, offset + 1])]);
        const starts = [...cuts].filter((cut) => cut <= to).sort((one, other) => one - other);
        return starts.map((start, i): Range => [
          start,
          (starts[i + 1] ?? to + 1) - 1,
          some.has(start) ? times(now) : now,
        ]);
      }),
    ),
  );
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
