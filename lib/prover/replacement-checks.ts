import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type {
  IPolicyValidationContext,
  IPolicyValidationPlugin,
  PolicyValidationPluginReport,
  PolicyViolation,
} from 'aws-cdk-lib';
import { InvalidProps } from '../guarantees/invalid-props.js';
import { templatesOf } from './assembly-templates.js';
import { replacements, type Replacement } from './replacements.js';
import { statefulTypes } from './stateful-resources.js';
import type { SourceTemplate, TemplateDocument } from './template-resource.js';

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
 * Compares templates, as `cdk diff --method=template` does. Guarantees nothing of changes made by hand, nor of a
 * value that a parameter gives. One that is meant is acknowledged where it happens:
 * `Validations.of(queue).acknowledge({ id: 'ExactlyOnceReplacement::stateful-replaced', reason })`, or, for a
 * resource that is no longer in the app, at its stack with `stateful-removed`.
 *
 * @throws InvalidProps where `deployedTemplates` does not exist, or a template in it is not JSON
 */
export class ReplacementChecks implements IPolicyValidationPlugin {
  public readonly name = 'ExactlyOnceReplacement';
  public readonly ruleIds?: string[] = ['stateful-replaced', 'stateful-removed'];

  private readonly directory: string;

  constructor(props: ReplacementChecksProps) {
    this.directory = props.deployedTemplates;
    if (!existsSync(this.directory))
      throw new InvalidProps('ReplacementChecks', 'a validation plugin', [
        {
          id: 'deployed-templates-exist',
          given: `deployedTemplates is ${JSON.stringify(this.directory)}`,
          allowed: 'a directory that exists',
          change: 'fill it with `aws cloudformation get-template`, or make it, empty, for a first deployment',
        },
      ]);
  }

  public validate(context: IPolicyValidationContext): PolicyValidationPluginReport {
    const violations = templatesOf(context).flatMap((template) => {
      const deployed = this.deployed(template);
      if (deployed === undefined) return [];
      return replacements(deployed, template.document).map((one) => violation(one, template));
    });
    return { success: violations.length === 0, violations };
  }

  private deployed({ file, assemblyPath, stackName }: SourceTemplate): TemplateDocument | undefined {
    // Stacks of two stages may have one name, but have each a directory of the assembly.
    const ofStage = assemblyPath === basename(file) ? [] : [assemblyPath];
    const path = [...ofStage, `${stackName}.template.json`, basename(file)]
      .map((name) => join(this.directory, name))
      .find((candidate) => existsSync(candidate));
    if (path === undefined) return undefined;
    const document: unknown = parsed(path);
    // get-template without --query wraps the template.
    return (isWrapped(document) ? document.TemplateBody : document) as TemplateDocument;
  }
}

function parsed(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new InvalidProps('ReplacementChecks', 'a validation plugin', [
      {
        id: 'deployed-templates-are-json',
        given: `${path} is not JSON (${error instanceof Error ? error.name : typeof error})`,
        allowed: 'a template as CDK deploys it',
        change: 'get it anew with --output json',
      },
    ]);
  }
}

function isWrapped(document: unknown): document is { TemplateBody: unknown } {
  return typeof document === 'object' && document !== null && 'TemplateBody' in document;
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
