import { Stage, type IResource } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

const claimsOf = new WeakMap<IConstruct, Map<string, IConstruct>>();

/**
 * Who in this stage has claimed something of a resource before, if anybody: the messages of a queue, a name on a
 * table.
 */
export function claimant(resource: NamedResource, what: string): IConstruct | undefined {
  return claimsOf.get(deploymentOf(resource.construct))?.get(claimId(resource, what));
}

const wholes = new WeakSet<IConstruct>();

/** Says of a construct that its children are one: what one of them has claimed, its sisters may have, too. */
export function isOneWhole(whole: IConstruct): void {
  wholes.add(whole);
}

export function isOfOneWhole(whole: IConstruct): boolean {
  return wholes.has(whole);
}

/** Whether two constructs are parts of one whole, so that one name for both is no mistake. */
export function arePartsOfOne(a: IConstruct, b: IConstruct): boolean {
  const { scope } = a.node;
  return scope !== undefined && scope === b.node.scope && wholes.has(scope);
}

export function claim(resource: NamedResource, what: string, by: IConstruct): void {
  const deployment = deploymentOf(resource.construct);
  const claims = claimsOf.get(deployment) ?? new Map<string, IConstruct>();
  claimsOf.set(deployment, claims);
  claims.set(claimId(resource, what), by);
}

/** A resource and the name that tells it from others of its kind. Two imports of one name are one resource. */
export interface NamedResource {
  readonly construct: IResource;
  readonly name: string;
}

/** A stage is deployed as a whole: in another one, the same name is another resource. */
function deploymentOf(construct: IConstruct): IConstruct {
  return Stage.of(construct) ?? construct.node.root;
}

function claimId({ construct, name }: NamedResource, what: string): string {
  return JSON.stringify([construct.env.account, construct.env.region, name, what]);
}
