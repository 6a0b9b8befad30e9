import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Annotations, Stage } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Cost } from './cost.js';
import type { ConstructClaims, GuaranteeClaims, IdleCost, PathClaim } from './guarantee-claims.js';
import { standingCosts } from './idle-cost.js';
import { guaranteesJson } from './report-json.js';
import type { Inequality } from './inequality.js';
import { namesUnchecked, notGuaranteed } from './not-guaranteed.js';
import { warnUnlessEnough, type PeakNeed } from './peak-need.js';
import { areNamesPinned } from './pinned-names.js';
import { guaranteesMarkdown } from './report-markdown.js';
import type { Unproven } from './unproven.js';

/** What a construct has to say for the report. */
export interface Findings {
  /** Absent where messages only pass, such as a channel. */
  readonly claim?: PathClaim;
  readonly inequalities?: readonly Inequality[];
  /** Those that are known only when the tree is complete. Whoever records them also validates them. */
  readonly late?: () => readonly Inequality[];
  readonly unproven?: readonly Unproven[];
  /** Absent when a value of it is a token. */
  readonly cost?: Cost;
  readonly idle?: readonly IdleCost[];
  /** What the declared peak asks for. What is not enough is a warning of the construct, too. */
  readonly peak?: readonly PeakNeed[];
  /** Sentences that follow from the settings. */
  readonly notes?: readonly string[];
  /** Constructs whose claim and cost are in those of this one. */
  readonly covers?: readonly IConstruct[];
}

interface Entry extends Findings {
  readonly constructClass: string;
  readonly construct: IConstruct;
}

const reports = new WeakMap<IConstruct, GuaranteeReport>();

/**
 * Collects what the constructs of an app claim, and writes it as `GUARANTEES.md` and, for programs, as
 * `guarantees.json` into its cloud assembly: every
 * inequality that holds, with its values; what has to be checked by hand; what a million messages cost.
 */
export class GuaranteeReport {
  private readonly entries: Entry[] = [];

  private constructor(private readonly root: IConstruct) {}

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
    warnUnlessEnough(construct, findings.peak ?? []);
    const root = construct.node.root;
    // A tree without an app or stage is never synthesized into an assembly.
    if (!Stage.isStage(root)) return;
    let report = reports.get(root);
    if (report === undefined) {
      report = new GuaranteeReport(root);
      reports.set(root, report);
      report.writeAtSynthOf(root);
    }
    report.entries.push({ constructClass, construct, ...findings });
  }

  /**
   * What the app of this construct claims, by now: complete when the tree is. Undefined where no construct has
   * claimed anything.
   */
  public static claimsOf(construct: IConstruct): GuaranteeClaims | undefined {
    return reports.get(construct.node.root)?.claims();
  }

  /**
   * A validation runs once in every synth, when the tree is complete. A CDK validation plugin would come later, but
   * plugins may not change the assembly, and the file of an earlier synth counts as part of it.
   */
  private writeAtSynthOf(root: Stage): void {
    root.node.addValidation({
      validate: () => {
        const claims = this.claims();
        writeFileSync(join(root.outdir, 'GUARANTEES.md'), guaranteesMarkdown(claims));
        writeFileSync(join(root.outdir, 'guarantees.json'), guaranteesJson(claims));
        return [];
      },
    });
  }

  private claims(): GuaranteeClaims {
    const covered = new Set(this.entries.flatMap(({ covers = [] }) => covers));
    return {
      constructs: this.entries
        .map((entry) => claimsOf(entry, covered.has(entry.construct)))
        .sort((a, b) => (a.path < b.path ? -1 : 1)),
      idle: standingCosts(this.root),
      notGuaranteed: areNamesPinned(this.root) ? notGuaranteed : [...notGuaranteed, namesUnchecked],
    };
  }
}

function claimsOf({ construct, constructClass, ...findings }: Entry, covered: boolean): ConstructClaims {
  return {
    path: construct.node.path,
    constructClass,
    claim: covered ? undefined : findings.claim,
    holds: [...(findings.inequalities ?? []), ...(findings.late?.() ?? [])],
    unproven: findings.unproven ?? [],
    cost: covered ? undefined : findings.cost,
    idle: findings.idle ?? [],
    peak: findings.peak ?? [],
    notes: findings.notes ?? [],
  };
}
