import { assumed, dollars, totalOf, type Cost } from './cost.js';
import type { ConstructClaims, GuaranteeClaims, IdleCost } from './guarantee-claims.js';
import type { Inequality } from './inequality.js';
import type { Unproven } from './unproven.js';

/** GUARANTEES.md: what acts once and what would break it first, then the details of each construct. */
export function guaranteesMarkdown(claims: GuaranteeClaims): string {
  return [
    introduction,
    ...summary(claims.constructs),
    '',
    ...atPeak(claims.constructs),
    '## Not guaranteed',
    '',
    ...claims.notGuaranteed.map((sentence) => `- ${sentence}`),
    '',
    '## Idle cost',
    '',
    ...idleTable(claims),
    '',
    assumptions,
    '',
    ...claims.constructs.map(section),
  ].join('\n');
}

const introduction = `# Guarantees

Checked while this cloud assembly was synthesized: one that does not hold fails the synth. Values that are known only at
deployment (tokens) are not checked and not listed. What is listed as unproven belongs to a resource that this app did not make:
somebody has to look.
`;

const assumptions = `US dollars at list prices of us-east-1, without free tiers. Assumed: bodies up to 64 KB, sent one by one, items up to 1 KB, each
message once, ${assumed.batchSeconds * 1000} ms a batch. Copies cost more: their receive, and a transaction that is refused or half a read unit.`;

/** A row for each construct that claims something. */
export function summary(constructs: readonly ConstructClaims[]): string[] {
  return table(
    ['path', 'identity', 'way', 'a million, in full batches / alone', 'what breaks it'],
    constructs.flatMap(({ path, claim, cost }) =>
      claim === undefined
        ? []
        : [[path, claim.identity, claim.way, inShort(cost), claim.brokenBy.join('; ')]],
    ),
  );
}

/** Invocations, groups and partitions at the peaks that channels declare. Nothing where none does. */
export function atPeak(constructs: readonly ConstructClaims[]): string[] {
  const rows = constructs.flatMap(({ path, peak }) =>
    peak.map(({ what, needed, how, has, enough }) => [
      path,
      `${needed.toLocaleString('en-US')} ${what}`,
      how,
      has,
      enough === undefined ? 'not known' : enough ? 'yes' : 'no',
    ]),
  );
  if (rows.length === 0) return [];
  return ['## At the declared peak', '', ...table(['path', 'needed', 'how', 'there is', 'enough'], rows), ''];
}

function inShort(cost: Cost | undefined): string {
  if (cost === undefined) return 'known at deployment only';
  const { full, alone } = totalOf(cost);
  const amount = cost.batchSize === 1 ? dollars(alone) : `${dollars(full)} / ${dollars(alone)}`;
  return `${cost.per}: ${amount}`;
}

/** What is paid each month when nothing arrives. */
export function idleTable({ constructs, idle }: GuaranteeClaims): string[] {
  const rows: (IdleCost & { path: string })[] = [
    ...constructs.flatMap((one) => one.idle.map((some) => ({ ...some, path: one.path }))),
    ...idle.map((some) => ({ ...some, path: 'the app' })),
  ];
  const total = rows.reduce((sum, row) => sum + row.dollars, 0);
  return table(
    ['idle', 'for', 'how', 'a month'],
    [
      ...rows.map((row) => [row.path, row.part, row.how, dollars(row.dollars)]),
      [
        'all',
        'tables on demand, queues and functions cost nothing while nothing is stored',
        '',
        dollars(total),
      ],
    ],
  );
}

function section({ path, constructClass, holds, unproven, cost, notes }: ConstructClaims): string {
  return [
    `## ${path} (${constructClass})`,
    ...held(holds),
    ...open(unproven),
    ...(cost === undefined ? [] : charged(cost)),
    ...notes.flatMap((note) => ['', note]),
    '',
  ].join('\n');
}

function held(inequalities: readonly Inequality[]): string[] {
  if (inequalities.length === 0) return [];
  return [
    '',
    ...table(
      ['what holds', 'value', 'required', 'otherwise'],
      inequalities.map(({ id, left, right, prevents }) => [id, left, right, prevents]),
    ),
  ];
}

function open(unproven: readonly Unproven[]): string[] {
  if (unproven.length === 0) return [];
  return [
    '',
    '### Unproven',
    '',
    ...table(
      ['unproven', 'required', 'how to check'],
      unproven.map(({ id, required, check }) => [id, required, check]),
    ),
  ];
}

function charged(cost: Cost): string[] {
  const { full, alone } = totalOf(cost);
  const single = cost.batchSize === 1;
  const amounts = (of: { full: number; alone: number }) =>
    single ? [dollars(of.alone)] : [dollars(of.full), dollars(of.alone)];
  const heads = single ? ['dollars'] : [`b = ${cost.batchSize}`, 'b = 1'];
  return [
    '',
    `### Cost of one million ${cost.per}`,
    '',
    ...table(
      ['part', single ? 'how, with b = 1' : 'how', ...heads],
      [
        ...cost.lines.map((line) => [line.part, line.how, ...amounts(line)]),
        ['all', '', ...amounts({ full, alone })],
      ],
    ),
  ];
}

/** A table of Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
