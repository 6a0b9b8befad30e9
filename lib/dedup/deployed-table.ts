import { Stack } from 'aws-cdk-lib';
import { CfnGlobalTable, CfnTable, type ITable } from 'aws-cdk-lib/aws-dynamodb';

/** What this app knows of a table because it makes it. A value that is known only at deployment is undefined. */
export interface DeployedTable {
  /** Such as `id (S)` or `customer (S), day (N)`. */
  readonly key?: string;
  /** The TTL attribute, '' where there is none. */
  readonly timeToLive?: string;
  readonly replicas: number;
  /** Multi-Region strong consistency, which has no transactions. */
  readonly stronglyConsistentRegions: boolean;
}

/** Undefined where the app only refers to the table. */
export function deployedTable(table: ITable): DeployedTable | undefined {
  const child = table.node.defaultChild;
  if (!CfnTable.isCfnTable(child) && !CfnGlobalTable.isCfnGlobalTable(child)) return undefined;
  const global = CfnGlobalTable.isCfnGlobalTable(child) ? child : undefined;
  // Some of them are made lazily. What is left after that is made at deployment.
  const resolved = (value: unknown): unknown => Stack.of(table).resolve(value);
  const replicas = resolved(global?.replicas);
  return {
    key: keyText(resolved(child.keySchema), resolved(child.attributeDefinitions)),
    timeToLive: timeToLive(resolved(child.timeToLiveSpecification)),
    replicas: Array.isArray(replicas) ? replicas.length : 1,
    stronglyConsistentRegions: global?.multiRegionConsistency === 'STRONG',
  };
}

function keyText(schema: unknown, definitions: unknown): string | undefined {
  if (!Array.isArray(schema) || !Array.isArray(definitions)) return undefined;
  const types = new Map(
    definitions.map((definition) => [
      textOf(definition, 'attributeName'),
      textOf(definition, 'attributeType'),
    ]),
  );
  const parts: string[] = [];
  for (const part of schema) {
    const name = textOf(part, 'attributeName');
    const type = types.get(name);
    if (name === undefined || type === undefined) return undefined;
    parts.push(`${name} (${type})`);
  }
  return parts.join(', ');
}

function timeToLive(specification: unknown): string | undefined {
  return specification === undefined ? '' : textOf(specification, 'attributeName');
}

function textOf(structure: unknown, property: string): string | undefined {
  if (typeof structure !== 'object' || structure === null) return undefined;
  const value = (structure as Record<string, unknown>)[property];
  return typeof value === 'string' ? value : undefined;
}
