import { InvalidSettings } from '../dedup/errors.js';
import { mostBodyBytes } from '../http/content.js';
import type { IdempotentApiOptions } from './options.js';
import { assertSettings } from './settings.js';

export const defaultBodyBytes = 1024 * 1024;
/** What they have in common: the same request may be answered otherwise in a while. */
export const defaultTransient: readonly number[] = [408, 425, 429, 503];

/** @throws InvalidSettings naming everything that is out of range. */
export function assertOptions<Body>(options: IdempotentApiOptions<Body>): void {
  const { settings, documentation, responses, keyHeader, maxBodyBytes, transientStatuses = [] } = options;
  assertSettings(settings);
  const problems: string[] = [];
  if (documentation !== undefined && !URL.canParse(documentation))
    problems.push(`documentation must be an absolute URL, got '${documentation}'`);
  // Asked for and not made by itself: an API without big answers must not carry the S3 client in its bundle.
  if (settings.responseBucket !== undefined && responses === undefined)
    problems.push(
      `bucket '${settings.responseBucket}' is there for big answers and nobody uses it: give ` +
        'responses: s3Responses({ bucket: settings.responseBucket }), or take `bigResponses` off the construct',
    );
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
