import type {
  IPolicyValidationContext,
  IPolicyValidationPlugin,
  PolicyValidationPluginReport,
  PolicyViolation,
} from 'aws-cdk-lib';
import { templatesOf } from './assembly-templates.js';
import { DeployedTemplates, type DeployedTemplate } from './deployed-templates.js';
import { removedStacks, replacements, type RemovedStack, type Replacement } from './replacements.js';
import { statefulTypes } from './stateful-resources.js';
import { nestedStack, type SourceTemplate } from './template-resource.js';

export interface ReplacementChecksProps {
  /**
   * A directory with the templates as they are deployed, each under the name that it has in the cloud assembly or
   * under the name of its stack: `<stack>.template.json`. The cloud assembly of the deployed commit is one; so is a
   * directory that this fills:
   *
   * `aws cloudformation get-template --stack-name Orders --query TemplateBody > deployed/Orders.template.json`
   *
   * A stack without a template in it counts as new.
   */
  readonly deployedTemplates: string;
}

/**
 * A CDK validation plugin that fails the synth when its deployment would replace or remove a queue, a table, a stream
 * or a bucket: the new one is empty, so messages stay behind in the old one and receipts are forgotten.
 *
 * ```ts
 * Validations.of(app).addPlugins(new ReplacementChecks({ deployedTemplates: 'deployed' }));
 * ```
 *
 * Compares templates, as `cdk diff --method=template` does, and tells what was in a nested stack that is removed.
 * Guarantees nothing of changes made by hand, nor of a value that a parameter gives. One that is meant is
 * acknowledged where it happens:
 * `Validations.of(queue).acknowledge({ id: 'ExactlyOnceReplacement::stateful-replaced', reason })`, or, for a
 * resource that is no longer in the app, at its stack with `stateful-removed`.
 *
 * @throws InvalidProps where `deployedTemplates` does not exist, or a template in it is not JSON
 */
export class ReplacementChecks implements IPolicyValidationPlugin {
  public readonly name = 'ExactlyOnceReplacement';
  public readonly ruleIds?: string[] = ['stateful-replaced', 'stateful-removed'];

  private readonly deployed: DeployedTemplates;

  constructor(props: ReplacementChecksProps) {
    this.deployed = new DeployedTemplates(props.deployedTemplates);
  }

  public validate(context: IPolicyValidationContext): PolicyValidationPluginReport {
    const violations = templatesOf(context).flatMap((template) => {
      const deployed = this.deployed.of(template);
      if (deployed === undefined) return [];
      return [
        ...replacements(deployed.document, template.document).map((one) => violation(one, template)),
        ...removedStacks(deployed.document, template.document).flatMap((one) =>
          this.removed(one, deployed, template),
        ),
      ];
    });
    return { success: violations.length === 0, violations };
  }

  /** All that a nested stack holds goes with it, in the stacks that are nested in it, too. */
  private removed(stack: RemovedStack, above: DeployedTemplate, template: SourceTemplate): PolicyViolation[] {
    const nested = stack.file === undefined ? undefined : this.deployed.nestedIn(above, stack.file);
    if (nested === undefined) return [unknownStack(stack, template)];
    const within = <T extends Pick<Replacement, 'logicalId' | 'isDeleted'>>(one: T): T => ({
      ...one,
      logicalId: `${stack.logicalId}/${one.logicalId}`,
      isDeleted: stack.isDeleted && one.isDeleted,
    });
    return [
      ...replacements(nested.document, {}).map((one) => violation(within(one), template)),
      ...removedStacks(nested.document, {}).flatMap((one) => this.removed(within(one), nested, template)),
    ];
  }
}

function unknownStack({ logicalId, file }: RemovedStack, template: SourceTemplate): PolicyViolation {
  return {
    ruleName: 'stateful-removed',
    severity: 'error',
    description: `the nested stack ${logicalId} is deployed, and no longer in the template: what it holds is not known`,
    fix: `put its template${file === undefined ? '' : `, ${file},`} beside that of the stack above it, or put the nested stack back`,
    ruleMetadata: { type: nestedStack, logicalId, property: '' },
    violatingResources: [{ constructPath: template.stackPath, locations: [] }],
  };
}

function violation(
  { logicalId, type, property, isDeleted }: Replacement,
  template: SourceTemplate,
): PolicyViolation {
  const { holds, page } = statefulTypes[type] ?? { holds: 'data', page: '' };
  const fate = isDeleted
    ? `its ${holds} are deleted (lost)`
    : `its ${holds} stay behind, and nobody reads them`;
  const gone = property === undefined;
  return {
    ruleName: gone ? 'stateful-removed' : 'stateful-replaced',
    severity: 'error',
    description: gone
      ? `${type} ${logicalId} is deployed, and no longer in the template: ${fate}`
      : `${type} ${logicalId} is replaced, because ${property} changes: ${fate}`,
    fix: gone
      ? `put it back under its logical id (\`overrideLogicalId\`, or \`cdk refactor\` for a construct that moved) until it is empty (${page})`
      : `take the change back; or make a second resource, move to it, and remove the first when it is empty (${page})`,
    ruleMetadata: { type, logicalId, property: property ?? '' },
    violatingResources: [
      gone
        ? { constructPath: template.stackPath, locations: [] }
        : {
            resourceLogicalId: logicalId,
            templatePath: template.file,
            locations: [property === 'Type' ? 'Type' : `Properties/${property}`],
          },
    ],
  };
}
