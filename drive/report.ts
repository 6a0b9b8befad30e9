import { textTable } from '../targets/text-table.js';
import type { Verdict } from './audit/audit.js';
import type { Charges, Difference } from './audit/charges.js';

/** The figures of one way through the stack. The names and their order are those of `--json`. */
export interface PathFigures {
  readonly name: string;
  /** Payments or events, each counted once. */
  readonly sent: number;
  /** Requests beyond the first for a payment. */
  readonly retries: number;
  /**
   * Records handed to the consumer. Undefined, as the other figures of invocations, where the target polls by itself.
   */
  readonly delivered: number | undefined;
  readonly suppressed: number | undefined;
  readonly effects: number;
  readonly lost: number;
  readonly doubled: number;
  readonly dead: number;
  readonly parked: number;
  /** DynamoDB write units over `sent`: what duplicates cost is in it. */
  readonly wruPerMessage: number | undefined;
}

export interface PathReport extends PathFigures {
  readonly verdict: Verdict;
  /** Of paths that move money. */
  readonly cents?: {
    readonly expected: bigint;
    readonly payments: bigint;
    readonly accounts: bigint;
    readonly shop: bigint;
  };
  /** Functions that were killed. Absent where nothing was to be killed. */
  readonly killed?: number;
  /** Of paths that charge customers. */
  readonly charges?: Charges;
  /** It runs for comparison, without protection: what goes wrong in it is what it is there to show. @default false */
  readonly comparison?: boolean;
  readonly findings: readonly string[];
  /** What else a reader should know: the faults, figures that are incomplete. */
  readonly notes: readonly string[];
}

export interface RunReport {
  readonly target: string;
  readonly seed: number;
  readonly paths: readonly PathReport[];
  /** The most memory that the driver, which also plays the event source, had at a time, in MiB. */
  readonly memoryMiB: number;
  readonly seconds: { readonly setUp: number; readonly traffic: number; readonly tail: number };
}

/**
 * A run is exactly-once if all its paths are that are not there for comparison: those that say so, have no finding,
 * and have acted. A run without paths, or with a figure that is no number, has shown nothing (R58).
 */
export function verdictOf({ paths }: RunReport): Verdict {
  const own = paths.filter(({ comparison = false }) => !comparison);
  return own.length > 0 && own.every(isFlawless) ? 'exactly-once' : 'violated';
}

function isFlawless(path: PathReport): boolean {
  const { verdict, findings, sent, effects, lost, doubled } = path;
  return (
    verdict === 'exactly-once' &&
    findings.length === 0 &&
    sent > 0 &&
    effects > 0 &&
    lost === 0 &&
    doubled === 0 &&
    Object.values(path).every((figure: unknown) => typeof figure !== 'number' || Number.isFinite(figure))
  );
}

/** One line: the object that `--json` promises, without anything else. What is not counted is null. */
export function jsonReport(report: RunReport): string {
  return JSON.stringify({
    target: report.target,
    seed: report.seed,
    verdict: verdictOf(report),
    ...comparisonOf(report),
    paths: report.paths.map(
      ({
        name,
        sent,
        retries,
        delivered,
        suppressed,
        effects,
        lost,
        doubled,
        dead,
        parked,
        wruPerMessage,
      }) => ({
        ...{ name, sent, retries, delivered: delivered ?? null, suppressed: suppressed ?? null },
        ...{ effects, lost, doubled, dead, parked },
        wruPerMessage: wruPerMessage === undefined ? null : Number(wruPerMessage.toFixed(2)),
      }),
    ),
  });
}

/** Cents and customers of both sides, where two are compared. */
function comparisonOf({ paths }: RunReport) {
  if (!paths.some(({ comparison = false }) => comparison)) return {};
  const sides = paths.flatMap(({ charges, comparison = false }) =>
    charges === undefined ? [] : [[comparison ? 'unprotected' : 'protected', plain(charges)] as const],
  );
  return { comparison: Object.fromEntries(sides) };
}

function plain({ tooMuch, tooLittle }: Charges) {
  const figures = ({ customers, cents }: Difference) => ({ customers, cents: Number(cents) });
  return { tooMuch: figures(tooMuch), tooLittle: figures(tooLittle) };
}

const rows: readonly (readonly [label: string, value: (path: PathReport) => string])[] = [
  ['', ({ name }) => name],
  ['sent', ({ sent }) => grouped(sent)],
  ['client retries', ({ retries }) => grouped(retries)],
  ['delivered', ({ delivered }) => counted(delivered, grouped)],
  ['duplicates suppressed', ({ suppressed }) => counted(suppressed, grouped)],
  ['effects', ({ effects }) => grouped(effects)],
  ['lost', ({ lost }) => grouped(lost)],
  ['doubled', ({ doubled }) => grouped(doubled)],
  ['dead', ({ dead }) => grouped(dead)],
  ['parked', ({ parked }) => grouped(parked)],
  ['WRU per message', ({ wruPerMessage }) => counted(wruPerMessage, (units) => units.toFixed(2))],
  ['cents expected', ({ cents }) => (cents ? grouped(cents.expected) : '')],
  ['cents in payment rows', ({ cents }) => (cents ? grouped(cents.payments) : '')],
  ['cents off the accounts', ({ cents }) => (cents ? grouped(cents.accounts) : '')],
  ['cents on the shop', ({ cents }) => (cents ? grouped(cents.shop) : '')],
];

/** The table of a report: a row per figure, a column per path. The first row has the names. */
export function reportRows(paths: readonly PathReport[]): string[][] {
  return rows.map(([label, value]) => [label, ...paths.map(value)]);
}

/** For people: a table with one column per path, the verdict, and where the time went. */
export function textReport(report: RunReport): string {
  const [head = [], ...cells] = reportRows(report.paths);
  const table = textTable(cells, { head, figures: new Set(report.paths.map((_, path) => path + 1)) });
  const { setUp, traffic, tail } = report.seconds;
  return [
    '',
    ...inPlainWords(report),
    table,
    '',
    ...report.paths.flatMap(({ name, notes }) => notes.map((note) => `${name}: ${note}`)),
    `time: set-up ${setUp.toFixed(1)} s, traffic ${traffic.toFixed(1)} s, tail ${tail.toFixed(1)} s; memory of the driver ${report.memoryMiB} MiB at most`,
    `target ${report.target}, seed ${report.seed}: ${verdictOf(report)}`,
    ...report.paths
      .filter(({ comparison = false }) => !comparison)
      .flatMap(({ name, findings }) => findings.map((finding) => `${name}: ${finding}`)),
  ].join('\n');
}

/** What the difference is to a customer. Empty when nothing is compared. */
export function inPlainWords({ paths }: RunReport): string[] {
  const compared = paths.find(({ comparison = false }) => comparison);
  const own = paths.find(({ charges, comparison = false }) => charges !== undefined && !comparison);
  if (compared?.charges === undefined || own?.charges === undefined) return [];
  return [
    `${grouped(own.sent)} purchases. Requests and answers got lost, messages came twice, functions were killed.`,
    `  without protection: ${charged(compared.charges)}`,
    `  with exactly-once-aws: ${charged(own.charges)}`,
    '',
  ];
}

function charged({ tooMuch, tooLittle }: Charges): string {
  const said = [says(tooMuch, 'too much'), says(tooLittle, 'too little')].filter((text) => text !== '');
  return said.length === 0 ? 'every customer was charged to the cent.' : `${said.join(', ')}.`;
}

function says({ customers, cents }: Difference, what: string): string {
  if (customers === 0) return '';
  const dollars = `$${grouped(cents / 100n)}.${String(cents % 100n).padStart(2, '0')}`;
  return `${grouped(customers)} customer${customers === 1 ? ' was' : 's were'} charged ${dollars} ${what}`;
}

function counted(figure: number | undefined, text: (figure: number) => string): string {
  return figure === undefined ? 'not counted' : text(figure);
}

/** 1234567 as 1,234,567. */
export function grouped(value: number | bigint): string {
  return value.toLocaleString('en-US');
}
