import { InvalidSettings } from '../dedup/errors.js';
import { mostBodyBytes } from '../http/content.js';
import type { KeyedApiOptions } from './keyed-options.js';

export const defaultBodyBytes = 1024 * 1024;
/** What they have in common: the same request may be answered otherwise in a while. */
export const defaultTransient: readonly number[] = [408, 425, 429, 503];

/** @throws InvalidSettings naming everything that is out of range, with what is found beside it. */
export function assertOptions<Body, Tx>(
  options: Pick<
    KeyedApiOptions<Body, Tx>,
    'documentation' | 'keyHeader' | 'maxBodyBytes' | 'transientStatuses'
  >,
  found: readonly string[] = [],
): void {
  const { documentation, keyHeader, maxBodyBytes, transientStatuses = [] } = options;
  const problems = [...found];
  if (documentation !== undefined && !URL.canParse(documentation))
    problems.push(`documentation must be an absolute URL, got '${documentation}'`);
  if (keyHeader !== undefined && !/^[A-Za-z0-9-]+$/.test(keyHeader))
    problems.push(`keyHeader must be the name of a header, got '${keyHeader}'`);
  if (
    maxBodyBytes !== undefined &&
    !(Number.isInteger(maxBodyBytes) && maxBodyBytes >= 0 && maxBodyBytes <= mostBodyBytes)
  )
    problems.push(
      `maxBodyBytes must be a whole number from 0 to ${mostBodyBytes} (32 MiB), got ${maxBodyBytes}`,
    );
  for (const status of transientStatuses)
    if (!(Number.isInteger(status) && status >= 400 && status <= 599))
      problems.push(`transientStatuses may have statuses from 400 to 599, got ${status}`);
  if (problems.length > 0) throw new InvalidSettings(problems);
}
