import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stage } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Inequality } from './inequality.js';

interface Entry {
  readonly constructClass: string;
  readonly construct: IConstruct;
  readonly inequalities: readonly Inequality[];
}

const reports = new WeakMap<IConstruct, GuaranteeReport>();

/** Writes `GUARANTEES.md` into the cloud assembly of an app: every inequality that holds, with its values. */
export class GuaranteeReport {
  private readonly entries: Entry[] = [];

  /** Adds what holds for a construct to the report of its app. */
  public static record(
    constructClass: string,
    construct: IConstruct,
    inequalities: readonly Inequality[],
  ): void {
    const root = construct.node.root;
    // A tree without an app or stage is never synthesized into an assembly.
    if (!Stage.isStage(root)) return;
    let report = reports.get(root);
    if (report === undefined) {
      report = new GuaranteeReport();
      reports.set(root, report);
      report.writeAtSynthOf(root);
    }
    report.entries.push({ constructClass, construct, inequalities });
  }

  /**
   * A validation runs once in every synth, when the tree is complete. A CDK validation plugin would come later, but plugins may
   * not change the assembly, and the file of an earlier synth counts as part of it.
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
      .map(({ path, constructClass, inequalities }) =>
        [
          `## ${path} (${constructClass})`,
          '',
          '| what holds | value | required | otherwise |',
          '| --- | --- | --- | --- |',
          ...inequalities.map(
            ({ id, left, right, prevents }) => `| ${[id, left, right, prevents].map(cell).join(' | ')} |`,
          ),
          '',
        ].join('\n'),
      );
    return `${introduction}\n${sections.join('\n')}`;
  }
}

const introduction = `# Guarantees

Checked while this cloud assembly was synthesized: one that does not hold fails the synth. Values that are known only at
deployment (tokens) are not checked and not listed.
`;

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
