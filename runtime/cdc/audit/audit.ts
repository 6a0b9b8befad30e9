import { ExactlyOnceError, InvalidSettings, type Fault } from '../../dedup/error.js';
import { sleep } from '../../dedup/sleep.js';
import { hashesOf, talliesOf, type AuditSide, type Hashes, type Tallies } from './side.js';
import { isSame, nothing, type Tally } from './tally.js';

export interface AuditOptions {
  /** What should be there. */
  readonly source: AuditSide;
  /** What is. */
  readonly sink: AuditSide;
  /** How many ranges each partition is compared in; only those that differ are looked at row by row. @default 256 */
  readonly ranges?: number;
  /**
   * How often it is looked before something is a finding. While the source is written to, a sink is behind: what
   * differs in one look and not, or otherwise, in the next, was on its way.
   *
   * @default 1
   */
  readonly looks?: number;
  /** Between two looks. @default 10,000 */
  readonly pauseMs?: number;
  /** Findings that are listed; all are counted. @default 100 */
  readonly list?: number;
}

export type FindingKind = 'missing' | 'doubled' | 'altered' | 'foreign';

export interface AuditFinding {
  /** `doubled`: more often than in the source; `foreign`: the source has no such row. */
  readonly kind: FindingKind;
  readonly partition: string;
  /** May be personal data. */
  readonly key: string;
}

export interface PartitionAudit {
  readonly partition: string;
  readonly source: number;
  readonly sink: number;
  /** Lowest and highest place on each side. */
  readonly places: readonly [source: string, sink: string];
  readonly rangesThatDiffer: number;
}

export interface AuditReport {
  /** Both sides hold the same, and it is not nothing. */
  readonly ok: boolean;
  /** Why not, in one sentence without data. */
  readonly problem?: string;
  readonly counts: Readonly<Record<FindingKind, number>>;
  readonly partitions: readonly PartitionAudit[];
  readonly findings: readonly AuditFinding[];
}

/** An audit that has found something, or has seen nothing. */
export class AuditFailed extends ExactlyOnceError {
  override name = 'AuditFailed';
  override readonly fault: Fault = 'defect';
  override readonly isWithoutData = true;
  constructor(readonly report: AuditReport) {
    super(`the audit has failed: ${report.problem ?? 'the two sides differ'}`);
  }
}

/**
 * Compares what should be in a sink with what is: by partition and range the number of rows, the XOR and the sum of
 * their hashes, and their lowest and highest place; then, where these differ, row by row.
 *
 * It shares no code with the sinks, and trusts no offset of theirs. An audit that saw nothing has failed: so has one
 * whose source is empty (R58).
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const { looks = 1, pauseMs = 10_000, list = 100 } = options;
  if (!(looks >= 1)) throw new InvalidSettings([`looks is ${looks}, must be at least 1`]);
  let look = await lookAt(options);
  let standing = look.findings;
  for (let i = 1; i < looks && standing.size > 0; i += 1) {
    await sleep(pauseMs);
    look = await lookAt(options);
    standing = new Map(
      [...standing].filter(([id, { kind, state }]) => {
        const again = look.findings.get(id);
        return again?.kind === kind && again.state === state;
      }),
    );
  }
  const counts = { missing: 0, doubled: 0, altered: 0, foreign: 0 };
  for (const { kind } of standing.values()) counts[kind] += 1;
  const seen = look.partitions.reduce((sum, { source }) => sum + source, 0);
  const problem = problemOf(counts, seen, options.source.name);
  return {
    ok: problem === undefined,
    ...(problem !== undefined && { problem }),
    counts,
    partitions: look.partitions,
    findings: [...standing.values()]
      .slice(0, list)
      .map(({ kind, partition, key }) => ({ kind, partition, key })),
  };
}

function problemOf(
  counts: Readonly<Record<FindingKind, number>>,
  seen: number,
  source: string,
): string | undefined {
  // Also NaN.
  if (!(seen > 0)) return `it has seen no row in '${source}'`;
  const found = Object.entries(counts).filter(([, count]) => count !== 0);
  return found.length === 0 ? undefined : found.map(([kind, count]) => `${count} ${kind}`).join(', ');
}

interface Standing extends AuditFinding {
  /** What was on both sides. */
  readonly state: string;
}

interface Look {
  readonly partitions: readonly PartitionAudit[];
  readonly findings: ReadonlyMap<string, Standing>;
}

async function lookAt({ source, sink, ranges = 256 }: AuditOptions): Promise<Look> {
  const [should, is] = [await talliesOf(source, ranges), await talliesOf(sink, ranges)];
  const names = [...new Set([...should.keys(), ...is.keys()])].sort();
  const differs = (partition: string, range: number) =>
    !isSame(tallyIn(should, partition, range), tallyIn(is, partition, range));
  const partitions = names.map((partition) => {
    const [a, b] = [totalOf(should, partition), totalOf(is, partition)];
    const known = new Set([...(should.get(partition)?.keys() ?? []), ...(is.get(partition)?.keys() ?? [])]);
    return {
      partition,
      source: a.count,
      sink: b.count,
      places: [placesOf(a), placesOf(b)] as const,
      rangesThatDiffer: [...known].filter((range) => differs(partition, range)).length,
    };
  });
  if (partitions.every(({ rangesThatDiffer }) => rangesThatDiffer === 0))
    return { partitions, findings: new Map() };
  const [wanted, found] = [await hashesOf(source, ranges, differs), await hashesOf(sink, ranges, differs)];
  return { partitions, findings: compared(wanted, found) };
}

function compared(wanted: Hashes, found: Hashes): Map<string, Standing> {
  const findings = new Map<string, Standing>();
  for (const id of new Set([...wanted.keys(), ...found.keys()])) {
    const [should, is] = [wanted.get(id), found.get(id)];
    const { row } = should ?? is ?? {};
    const kind = kindOf(should?.hashes ?? [], is?.hashes ?? []);
    if (kind === undefined || row === undefined) continue;
    findings.set(id, { kind, ...row, state: `${String(should?.hashes)}/${String(is?.hashes)}` });
  }
  return findings;
}

function kindOf(should: readonly bigint[], is: readonly bigint[]): FindingKind | undefined {
  if (should.length === 0) return 'foreign';
  if (is.length < should.length) return 'missing';
  if (is.length > should.length) return 'doubled';
  const sorted = (hashes: readonly bigint[]) => hashes.map(String).sort().join();
  return sorted(should) === sorted(is) ? undefined : 'altered';
}

function tallyIn(tallies: Tallies, partition: string, range: number): Tally {
  return tallies.get(partition)?.get(range) ?? nothing;
}

interface Total {
  count: number;
  min?: string;
  max?: string;
}

function totalOf(tallies: Tallies, partition: string): Total {
  const total: Total = { count: 0 };
  for (const { count, min, max } of tallies.get(partition)?.values() ?? []) {
    total.count += count;
    if (min !== undefined && (total.min === undefined || min < total.min)) total.min = min;
    if (max !== undefined && (total.max === undefined || max > total.max)) total.max = max;
  }
  return total;
}

function placesOf({ min, max }: Total): string {
  return min === undefined ? '-' : `${min}..${max ?? ''}`;
}
