import { SettingsReader, type Environment } from '../dedup/settings-reader.js';
import { eventBusTarget } from './targets/event-bus.js';
import { queueTarget } from './targets/queue.js';
import type { RelayTarget } from './targets/target.js';
import { topicTarget } from './targets/topic.js';

/** What the OutboxRelay construct knows at synth and its function needs at run time. */
export interface RelaySettings {
  /** Table of the outbox. */
  readonly table: string;
  /** How long a sent event is kept, in seconds. */
  readonly retentionSeconds: number;
  /** How long an event is left to the stream before the sweep sends it, in seconds. */
  readonly graceSeconds: number;
  readonly targets: readonly RelayTarget[];
}

type StoredTarget = { readonly types?: readonly string[] } & (
  { readonly queueUrl: string } | { readonly topicArn: string } | { readonly eventBusName: string }
);

/**
 * Reads the settings that the OutboxRelay construct put into the function's environment.
 *
 * @param environment usually `process.env`.
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function relaySettings(environment: Environment): RelaySettings {
  const reader = new SettingsReader(environment, 'deploy the function with OutboxRelay');
  const table = reader.read('EXACTLY_ONCE_OUTBOX_TABLE');
  const retentionSeconds = reader.readWhole('EXACTLY_ONCE_OUTBOX_RETENTION_SECONDS', 0);
  const graceSeconds = reader.readWhole('EXACTLY_ONCE_OUTBOX_GRACE_SECONDS', 0);
  const targets = targetsOf(reader.read('EXACTLY_ONCE_OUTBOX_TARGETS'), reader.problems);
  reader.end();
  return { table, retentionSeconds, graceSeconds, targets };
}

/** The targets that a construct wrote into the environment; what is wrong with them is added to the problems. */
export function targetsOf(text: string, problems: string[]): RelayTarget[] {
  try {
    return (JSON.parse(text) as StoredTarget[]).map((stored) => {
      if ('queueUrl' in stored) return queueTarget(stored);
      if ('topicArn' in stored) return topicTarget(stored);
      return eventBusTarget(stored);
    });
  } catch {
    problems.push('EXACTLY_ONCE_OUTBOX_TARGETS is not the JSON that the construct of the relay writes');
    return [];
  }
}
