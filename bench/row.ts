/** One figure of both sides. `ours` or `peer` is null where that side has nothing to measure. */
export interface Row {
  readonly measure: string;
  readonly case: string;
  readonly ours: number | null;
  readonly peer: number | null;
  readonly peerName: string;
  readonly unit: string;
  /**
   * Lowest and highest of the runs; the figures themselves are the medians. Absent where a figure is a total over all
   * runs.
   */
  readonly spread?: { readonly ours: Range | null; readonly peer: Range | null };
}

export type Range = readonly [lowest: number, highest: number];

/** What one run of a benchmark says of one case. */
export type Sample = Pick<Row, 'measure' | 'case' | 'ours' | 'peer' | 'unit'>;

/** The samples of several runs as rows: medians with the spread. */
export function rowsOf(runs: readonly (readonly Sample[])[], peerName: string): Row[] {
  const byRow = Map.groupBy(runs.flat(), (sample) =>
    JSON.stringify([sample.measure, sample.case, sample.unit]),
  );
  return [...byRow.values()].flatMap((samples) => {
    const [first] = samples;
    if (first === undefined) return [];
    const ours = figures(samples.map((sample) => sample.ours));
    const peer = figures(samples.map((sample) => sample.peer));
    return [
      {
        measure: first.measure,
        case: first.case,
        ours: ours?.median ?? null,
        peer: peer?.median ?? null,
        peerName,
        unit: first.unit,
        spread: { ours: ours?.range ?? null, peer: peer?.range ?? null },
      },
    ];
  });
}

function figures(values: readonly (number | null)[]): { median: number; range: Range } | undefined {
  const numbers = values.filter((value) => value !== null);
  if (numbers.length === 0) return undefined;
  return {
    median: rounded(quantile(numbers, 0.5)),
    range: [rounded(Math.min(...numbers)), rounded(Math.max(...numbers))],
  };
}

/** @param share 0.5 for the median, 0.99 for p99. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? NaN;
  const high = sorted[Math.ceil(at)] ?? NaN;
  return low + (high - low) * (at - Math.floor(at));
}

/** Four figures: more would be noise, and would make every new result differ in every line. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
