import type { StandardSchemaV1 } from '@standard-schema/spec';
import { briefly } from '../dedup/error.js';
import { RejectMessage } from '../dedup/errors.js';

/** A body may break any number of rules, and what a schema says of it may be of any length. */
const maxIssues = 10;
const maxIssueBytes = 800;

/** The reason names paths and rules, not values. */
export function refused(issues: readonly StandardSchemaV1.Issue[]): RejectMessage {
  const texts: string[] = [];
  let bytes = 0;
  for (const { message, path } of issues.slice(0, maxIssues)) {
    const text = `${briefly(pathText(path))}: ${briefly(message)}`;
    bytes += Buffer.byteLength(text) + 2;
    if (bytes > maxIssueBytes) break;
    texts.push(text);
  }
  const more = issues.length - texts.length;
  const all = more === 0 ? texts : [...texts, `and ${more} more`];
  return new RejectMessage(`body does not fit the schema: ${all.join('; ')}`);
}

function pathText(path: StandardSchemaV1.Issue['path']): string {
  const keys = path?.map((segment) => String(typeof segment === 'object' ? segment.key : segment)) ?? [];
  return keys.length > 0 ? keys.join('.') : 'body';
}
