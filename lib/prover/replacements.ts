import { isDeepStrictEqual } from 'node:util';
import { keyTypes, statefulTypes } from './stateful-resources.js';
import {
  isList,
  nestedStack,
  part,
  type ResourceDefinition,
  type TemplateDocument,
  type TemplateValue,
} from './template-resource.js';

/** A stateful resource that a deployment would leave behind, or delete. */
export interface Replacement {
  readonly logicalId: string;
  readonly type: string;
  /** What makes it new: a property, or `Type`. Absent where the resource is no longer in the template. */
  readonly property?: string;
  /** Whether what it holds is deleted with it. */
  readonly isDeleted: boolean;
}

/**
 * What a deployment of `next` over `deployed` would replace or remove among the resources that hold messages or data.
 * Looks at the templates alone, as `cdk diff --method=template` does: a value that only the deployment resolves
 * counts as changed when its text is.
 */
export function replacements(deployed: TemplateDocument, next: TemplateDocument): Replacement[] {
  return Object.entries(deployed.Resources ?? {}).flatMap(([logicalId, before]) => {
    const stateful = statefulTypes[before.Type];
    if (stateful === undefined) return [];
    const after = next.Resources?.[logicalId];
    const { Type: type } = before;
    if (after === undefined)
      return [{ logicalId, type, isDeleted: !keeps(before.DeletionPolicy, before.Type) }];
    const property = changed(before, after, stateful.replacedBy);
    if (property === undefined) return [];
    return [{ logicalId, type, property, isDeleted: !keeps(after.UpdateReplacePolicy, before.Type) }];
  });
}

/** A nested stack that a deployment would remove, with all that is in it. */
export interface RemovedStack {
  readonly logicalId: string;
  /** Its template beside that of the stack above, as CDK names it. Undefined where another tool wrote it. */
  readonly file?: string;
  /** Whether its resources are deleted as their own policies say. False: all of them stay. */
  readonly isDeleted: boolean;
}

/** The stacks nested in `deployed` of which `next` knows nothing any more. */
export function removedStacks(deployed: TemplateDocument, next: TemplateDocument): RemovedStack[] {
  return Object.entries(deployed.Resources ?? {})
    .filter(([logicalId, { Type }]) => Type === nestedStack && next.Resources?.[logicalId]?.Type !== Type)
    .map(([logicalId, { Metadata, DeletionPolicy, Type }]) => {
      const file = Metadata?.['aws:asset:path'];
      return {
        logicalId,
        isDeleted: !keeps(DeletionPolicy, Type),
        ...(typeof file === 'string' && { file }),
      };
    });
}

function changed(
  before: ResourceDefinition,
  after: ResourceDefinition,
  replacedBy: readonly string[],
): string | undefined {
  if (before.Type !== after.Type) return 'Type';
  const property = replacedBy.find(
    (name) => !isDeepStrictEqual(before.Properties?.[name], after.Properties?.[name]),
  );
  if (property !== undefined) return property;
  return isDeepStrictEqual(typesOfKeys(before), typesOfKeys(after)) ? undefined : keyTypes;
}

function typesOfKeys({ Properties: properties }: ResourceDefinition): TemplateValue[] {
  const keys = entries(properties?.KeySchema).map((key) => part(key, 'AttributeName'));
  return keys.map((name) =>
    part(
      entries(properties?.[keyTypes]).find((one) => part(one, 'AttributeName') === name),
      'AttributeType',
    ),
  );
}

function entries(value: TemplateValue): readonly TemplateValue[] {
  return isList(value) ? value : [];
}

/** A bucket that is not empty is not deleted, whatever the policy: the deployment fails. */
function keeps(policy: string | undefined, type: string): boolean {
  return (
    type === 'AWS::S3::Bucket' ||
    policy === 'Retain' ||
    policy === 'Snapshot' ||
    policy === 'RetainExceptOnCreate'
  );
}
