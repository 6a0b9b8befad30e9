import { InvalidSettings } from '../../dedup/errors.js';
import { targetsOf } from '../../outbox/relay-settings.js';
import type { RelayTarget } from '../../outbox/targets/target.js';

/** What the constructs of the relays know at synth and their programs need at run time. */
export interface PostgresRelaySettings {
  /** Name of the outbox: the dimension of its metrics. */
  readonly outboxName: string;
  readonly targets: readonly RelayTarget[];
  /** How long sent events are kept, in days. */
  readonly retentionDays: number;
}

/**
 * Reads the settings that `PostgresRelay` or `PostgresCdcRelay` put into the environment.
 *
 * @param environment usually `process.env`
 * @throws InvalidSettings naming every variable that is missing or wrong
 */
export function postgresRelaySettings(
  environment: Readonly<Record<string, string | undefined>>,
): PostgresRelaySettings {
  const problems: string[] = [];
  const read = (name: string): string => {
    const value = environment[name];
    if (!value)
      problems.push(`${name} is not set; deploy with PostgresRelay or PostgresCdcRelay, or set it by hand`);
    return value ?? '';
  };
  const outboxName = read('EXACTLY_ONCE_OUTBOX_NAME');
  const targets = targetsOf(read('EXACTLY_ONCE_OUTBOX_TARGETS'), problems);
  const days = read('EXACTLY_ONCE_OUTBOX_RETENTION_DAYS');
  const retentionDays = Number(days);
  if (days !== '' && !(Number.isSafeInteger(retentionDays) && retentionDays > 0))
    problems.push(`EXACTLY_ONCE_OUTBOX_RETENTION_DAYS must be a whole number above 0, got '${days}'`);
  if (problems.length > 0) throw new InvalidSettings(problems);
  return { outboxName, targets, retentionDays };
}
