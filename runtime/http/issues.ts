import type { StandardSchemaV1 } from '@standard-schema/spec';
import { briefly } from '../dedup/error.js';
import type { Problem } from './problem.js';

/** Of what a schema finds so many are told: who sends a body chooses how many there are. */
const mostIssues = 20;
/** Characters of a path or a message. */
const mostText = 200;

export interface Issues {
  readonly detail: string;
  readonly errors: NonNullable<Problem['errors']>;
}

/** The first of the issues as problem details, bounded in number and length. */
export function issuesOf(issues: readonly StandardSchemaV1.Issue[]): Issues {
  const errors = issues.slice(0, mostIssues).map(({ message, path }) => ({
    path: briefly(pointer(path), mostText),
    message: briefly(message, mostText),
  }));
  const more = issues.length - errors.length;
  const [first] = errors;
  const told = first === undefined ? 'the body does not fit' : `${first.path || 'body'}: ${first.message}`;
  const others = errors.length > 1 ? `; see errors for ${errors.length - 1} more` : '';
  return { detail: `${told}${others}${more > 0 ? `, of ${issues.length} issues` : ''}`, errors };
}

/** JSON pointer, RFC 6901. */
function pointer(path: StandardSchemaV1.Issue['path'] = []): string {
  return path
    .map((segment) => String(typeof segment === 'object' ? segment.key : segment))
    .map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}
