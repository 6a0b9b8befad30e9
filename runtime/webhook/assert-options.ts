import { InvalidSettings } from '../dedup/errors.js';
import { mostBodyBytes } from '../http/content.js';
import type { ReceiverOptions, WebhookSource } from './options.js';
import { secretsManager, type SecretSource } from './secrets.js';
import { assertSettings, type ReceiverSettings } from './settings.js';

/** @throws InvalidSettings naming everything that is missing or out of range. */
export function assertSources<Tx>(options: ReceiverOptions<Tx>): void {
  const { settings, sources, outbox, handle, maxBodyBytes } = options;
  assertSettings(settings);
  const problems: string[] = [];
  if (outbox === undefined && handle === undefined)
    problems.push('events would have no effect: give `outbox`, `handle` or both');
  if (
    maxBodyBytes !== undefined &&
    !(Number.isInteger(maxBodyBytes) && maxBodyBytes > 0 && maxBodyBytes <= mostBodyBytes)
  )
    problems.push(
      `maxBodyBytes must be a whole number from 1 to ${mostBodyBytes} (32 MiB), got ${maxBodyBytes}`,
    );
  if (Object.keys(sources).length === 0) problems.push('sources is empty: nobody can send anything');
  for (const [name, source] of Object.entries(sources))
    problems.push(...sourceProblems(name, source, settings));
  if (problems.length > 0) throw new InvalidSettings(problems);
}

function sourceProblems(
  name: string,
  { scheme, secrets, toleranceSeconds = 300 }: WebhookSource,
  { windowSeconds, secretIds }: ReceiverSettings,
): string[] {
  const problems = [];
  if (!/^[A-Za-z0-9_.-]{1,64}$/.test(name))
    problems.push(`the name of a source must be 1 to 64 of A-Z a-z 0-9 _ . -, got '${name.slice(0, 80)}'`);
  if (secrets === undefined && secretIds[name] === undefined)
    problems.push(`source '${name}' has no secret: name it in the construct, or give \`secrets\``);
  if (!(toleranceSeconds > 0 && toleranceSeconds <= 24 * 3600))
    problems.push(
      `toleranceSeconds of '${name}' must be above 0 and at most 86,400, got ${toleranceSeconds}`,
    );
  // A signed delivery can be sent again while its time is tolerated, and its sender sends it again on its own.
  const known = scheme.horizonSeconds + toleranceSeconds;
  if (windowSeconds < known)
    problems.push(
      `${scheme.name} sends an event for up to ${scheme.horizonSeconds} s, source '${name}' tolerates ${toleranceSeconds} s: ` +
        `windowSeconds must be ${known} or more, got ${windowSeconds}; a later copy would act again`,
    );
  return problems;
}

export function secretsOf(
  source: WebhookSource,
  name: string,
  { secretIds }: ReceiverSettings,
): SecretSource {
  return source.secrets ?? secretsManager({ secretId: secretIds[name] ?? '' });
}
