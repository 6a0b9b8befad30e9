import { SettingsReader, type Environment } from '../../dedup/settings-reader.js';
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
 * Reads the settings that `PostgresRelay`, `PostgresPollingRelay` or `PostgresCdcRelay` put into the environment.
 *
 * @param environment usually `process.env`
 * @throws InvalidSettings naming every variable that is missing or wrong
 */
export function postgresRelaySettings(environment: Environment): PostgresRelaySettings {
  const reader = new SettingsReader(
    environment,
    'deploy with PostgresRelay, PostgresPollingRelay or PostgresCdcRelay',
  );
  const outboxName = reader.read('EXACTLY_ONCE_OUTBOX_NAME');
  const targets = targetsOf(reader.read('EXACTLY_ONCE_OUTBOX_TARGETS'), reader.problems);
  const days = reader.read('EXACTLY_ONCE_OUTBOX_RETENTION_DAYS');
  const retentionDays = Number(days);
  if (days !== '' && !(Number.isSafeInteger(retentionDays) && retentionDays > 0))
    reader.problems.push(`EXACTLY_ONCE_OUTBOX_RETENTION_DAYS must be a whole number above 0, got '${days}'`);
  reader.end();
  return { outboxName, targets, retentionDays };
}
