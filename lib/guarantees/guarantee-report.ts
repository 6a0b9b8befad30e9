import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Annotations, Stage } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { assumed, costLines, dollars, type CostValues } from './cost.js';
import type { Inequality } from './inequality.js';
import type { Unproven } from './unproven.js';

/** What the report says of one construct. */
export interface Findings {
  readonly inequalities?: readonly Inequality[];
  /** Those that are known only when the tree is complete. Whoever records them also validates them. */
  readonly late?: () => readonly Inequality[];
  readonly unproven?: readonly Unproven[];
  /** Absent when a value of it is a token. */
  readonly cost?: CostValues;
  /** Sentences that follow from the settings. */
  readonly notes?: readonly string[];
}

interface Entry extends Findings {
  readonly constructClass: string;
  readonly construct: IConstruct;
}

const reports = new WeakMap<IConstruct, GuaranteeReport>();

/**
 * Writes `GUARANTEES.md` into the cloud assembly of an app: every inequality that holds, with its values; what has to
 * be checked by hand; and what a million messages cost.
 */
export class GuaranteeReport {
  private readonly entries: Entry[] = [];

  /**
   * Adds what is known of a construct to the report of its app. What is unproven is a warning of the construct, too.
   */
  public static record(constructClass: string, construct: IConstruct, findings: Findings): void {
    const unproven = findings.unproven?.map(({ id }) => id) ?? [];
    if (unproven.length > 0)
      Annotations.of(construct).addWarningV2(
        'exactly-once-aws:unproven',
        `the guarantee rests on what this app cannot check: ${unproven.join(', ')}; GUARANTEES.md in the cloud assembly says how to`,
      );
    const root = construct.node.root;
    // A tree without an app or stage is never synthesized into an assembly.
    if (!Stage.isStage(root)) return;
    let report = reports.get(root);
    if (report === undefined) {
      report = new GuaranteeReport();
      reports.set(root, report);
      report.writeAtSynthOf(root);
    }
    report.entries.push({ constructClass, construct, ...findings });
  }

  /**
   * A validation runs once in every synth, when the tree is complete. A CDK validation plugin would come later, but
   * plugins may not change the assembly, and the file of an earlier synth counts as part of it.
   */
  private writeAtSynthOf(root: Stage): void {
    root.node.addValidation({
      validate: () => {
        writeFileSync(join(root.outdir, 'GUARANTEES.md'), this.markdown());
        return [];
      },
    });
  }

  private markdown(): string {
    const sections = this.entries
      .map((entry) => ({ ...entry, path: entry.construct.node.path }))
      .sort((a, b) => (a.path < b.path ? -1 : 1))
      .map(({ path, constructClass, ...findings }) =>
        [
          `## ${path} (${constructClass})`,
          ...held([...(findings.inequalities ?? []), ...(findings.late?.() ?? [])]),
          ...open(findings.unproven ?? []),
          ...charged(findings.cost),
          ...(findings.notes ?? []).flatMap((note) => ['', note]),
          '',
        ].join('\n'),
      );
    return `${introduction}\n${sections.join('\n')}`;
  }
}

const introduction = `# Guarantees

Checked while this cloud assembly was synthesized: one that does not hold fails the synth. Values that are known only at
deployment (tokens) are not checked and not listed. What is listed as unproven belongs to a resource that this app did not make:
somebody has to look.
`;

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

function charged(cost: CostValues | undefined): string[] {
  if (cost === undefined) return [];
  const lines = costLines(cost);
  const total = (column: 'full' | 'alone') => dollars(lines.reduce((sum, line) => sum + line[column], 0));
  return [
    '',
    '### Cost of one million messages',
    '',
    ...table(
      ['part', 'how', `batches of ${cost.batchSize}`, 'batches of 1'],
      [
        ...lines.map(({ part, how, full, alone }) => [part, how, dollars(full), dollars(alone)]),
        ['all', '', total('full'), total('alone')],
      ],
    ),
    '',
    `US dollars at list prices of us-east-1. Assumed: bodies up to 64 KB, sent one by one, items up to 1 KB, each message once, ${assumed.batchSeconds * 1000} ms a batch.`,
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
