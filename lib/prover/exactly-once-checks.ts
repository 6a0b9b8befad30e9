import type {
  IPolicyValidationContext,
  IPolicyValidationPlugin,
  PolicyValidationPluginReport,
  PolicyViolation,
} from 'aws-cdk-lib';
import { findingOf, type Detected } from './detected.js';
import { FindingLevel, type Finding } from './finding.js';
import { detect, findingsOf } from './prove.js';
import { rules } from './rules.js';
import { templatesOf } from './assembly-templates.js';
import { Templates } from './templates.js';

export interface ExactlyOnceChecksProps {
  /**
   * Whether what usually goes wrong fails the synth, too, and not only what certainly does.
   *
   * @default false
   */
  readonly failOnRisks?: boolean;

  /**
   * Whether the report says what the templates do not tell.
   *
   * @default true
   */
  readonly reportUnknown?: boolean;
}

/**
 * A CDK validation plugin that holds every path of an app from a queue or a stream to a Lambda function against what
 * exactly-once processing rests on: its queues, tables, functions and mappings may be anybody's, not only the
 * constructs of this library. It reads the synthesized templates, so whatever wrote them counts as it is deployed.
 *
 * ```ts
 * Validations.of(app).addPlugins(new ExactlyOnceChecks());
 * ```
 *
 * Guarantees that what it reports as BROKEN is so in the templates. Not that an app without findings is correct: no
 * template holds the code of a handler. What it cannot know it reports as UNKNOWN, with what has to be so. A finding
 * is acknowledged as those of other plugins: `Validations.of(queue).acknowledge({ id: 'ExactlyOnce::<rule>', reason
 * })`.
 */
export class ExactlyOnceChecks implements IPolicyValidationPlugin {
  public readonly name = 'ExactlyOnce';
  public readonly ruleIds?: string[] = Object.keys(rules);

  private readonly levels: readonly FindingLevel[];
  private readonly failOnRisks: boolean;

  constructor(props: ExactlyOnceChecksProps = {}) {
    this.failOnRisks = props.failOnRisks ?? false;
    this.levels = [
      FindingLevel.BROKEN,
      FindingLevel.RISK,
      ...((props.reportUnknown ?? true) ? [FindingLevel.UNKNOWN] : []),
    ];
  }

  public validate(context: IPolicyValidationContext): PolicyValidationPluginReport {
    const violations = this.detected(context).map((one) => this.violation(one));
    return { success: violations.every(({ severity }) => severity !== 'error'), violations };
  }

  /** The findings of an app as data, the surest first. */
  public findings(context: IPolicyValidationContext): Finding[] {
    return findingsOf(this.detected(context));
  }

  private detected(context: IPolicyValidationContext): Detected[] {
    const templates = new Templates(templatesOf(context));
    return detect(templates).filter((one) => this.levels.includes(findingOf(one).level));
  }

  private violation(detected: Detected): PolicyViolation {
    const { rule, level, value, allowed, prevents, change, page, location } = findingOf(detected);
    const { at } = detected;
    const fails = level === FindingLevel.BROKEN || (level === FindingLevel.RISK && this.failOnRisks);
    return {
      ruleName: rule,
      description: `${value}. Allowed: ${allowed}. Otherwise ${prevents}`,
      fix: `${change} (${page})`,
      severity: fails ? 'error' : level,
      ruleMetadata: { value, allowed, change, page },
      violatingResources: [
        {
          resourceLogicalId: at.logicalId,
          templatePath: at.template.file,
          locations: [location],
        },
      ],
    };
  }
}
