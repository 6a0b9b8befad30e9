import { LocalTargetError } from './local-target-error.js';
import { query } from './query.js';
import { TargetAnswerError } from './errors.js';
import type { Target } from './target.js';

/** A resource of the template that the target said it deployed, and that is not there. */
export interface IgnoredResource {
  readonly logicalId: string;
  /** Such as `AWS::ApiGatewayV2::Api`. */
  readonly type: string;
}

/** The target deployed the stack without a word, and outputs of it are no values. */
export class IgnoredByTargetError extends LocalTargetError {
  override readonly name = 'IgnoredByTargetError';
  constructor(
    readonly target: string,
    /** Names of the outputs. */
    readonly outputs: readonly string[],
    readonly resources: readonly IgnoredResource[],
  ) {
    super(
      `${target} deployed the stack, but gave no value to its outputs ${outputs.join(', ')}: it ignores ` +
        `${resources.length === 0 ? 'what they name' : typesOf(resources)}. Leave that out on this target, or say ` +
        'in targets/capabilities.ts what it lacks',
    );
  }
}

interface Template {
  readonly Resources?: Readonly<Record<string, { readonly Type: string }>>;
  readonly Outputs?: Readonly<Record<string, unknown>>;
}

/**
 * What the target ignored of a template that it reported as deployed: resources without an identity of their own.
 *
 * @throws IgnoredByTargetError when an output has no value
 * @throws TargetAnswerError when the target does not say what it deployed
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResource.html
 */
export async function findIgnored(
  target: Target,
  stack: string,
  template: string,
  outputs: Readonly<Record<string, string>>,
): Promise<readonly IgnoredResource[]> {
  const { Resources = {}, Outputs = {} } = JSON.parse(template) as Template;
  const there = await identities(target, stack);
  const ignored = Object.entries(Resources)
    .filter(([logicalId, { Type }]) => Type !== 'AWS::CDK::Metadata' && !isValue(there.get(logicalId)))
    .map(([logicalId, { Type }]) => ({ logicalId, type: Type }));
  const empty = Object.keys(Outputs).filter((name) => !isValue(outputs[name]));
  if (empty.length > 0) throw new IgnoredByTargetError(target.name, empty, ignored);
  return ignored;
}

/** One line: the types, and how many of each. */
export function typesOf(resources: readonly IgnoredResource[]): string {
  return [...Map.groupBy(resources, ({ type }) => type)]
    .map(([type, some]) => (some.length === 1 ? type : `${type} (${some.length})`))
    .join(', ');
}

/** LocalStack says `unknown` for whatever a resource that it ignores would have been asked for. */
function isValue(text: string | undefined): boolean {
  return text !== undefined && text !== '' && !/^(unknown|null)$|\/\/unknown\./.test(text);
}

async function identities(target: Target, stack: string): Promise<ReadonlyMap<string, string>> {
  const to = { endpoint: target.endpoint, region: target.region, credentials: target.client.credentials };
  const found = new Map<string, string>();
  let token: string | undefined;
  do {
    const { status, body } = await query(to, 'cloudformation', {
      Action: 'ListStackResources',
      Version: '2010-05-15',
      StackName: stack,
      ...(token !== undefined && { NextToken: token }),
    });
    if (status !== 200) throw new TargetAnswerError('ListStackResources', status, body);
    for (const [, member = ''] of body.matchAll(/<member>([\s\S]*?)<\/member>/g)) {
      const logicalId = element(member, 'LogicalResourceId');
      if (logicalId !== undefined) found.set(logicalId, element(member, 'PhysicalResourceId') ?? '');
    }
    token = element(body, 'NextToken');
  } while (token !== undefined && token !== '');
  return found;
}

function element(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]?.trim();
}
