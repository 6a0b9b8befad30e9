import { isDeepStrictEqual } from 'node:util';
import { keyTypes, statefulTypes } from './stateful-resources.js';
import {
  isList,
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
