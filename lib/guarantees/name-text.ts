import { Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * A resource as the reader of a report knows it: by its name, or by its path where the name is made at deployment.
 */
export function nameText(resource: IConstruct, name: string): string {
  return `'${Token.isUnresolved(name) ? resource.node.path : name}'`;
}
