export { eventBytes } from './event-bytes.js';
export { outbox, type Outbox, type OutboxDefinition, type OutboxEvent } from './outbox.js';
export { EpochEnded } from '../dedup/errors.js';
export { cloudEvent, producerVersion, type CloudEvent } from './event.js';
export { outboxRelay, type OutboxRelay, type OutboxRelayOptions, type ScheduledEvent } from './relay.js';
export { relaySettings, type RelaySettings } from './relay-settings.js';
export { logGauges, logRelay, type RelayProblem, type RelaySummary } from './relay-summary.js';
export { outboxRowVersion } from './row.js';
export { FirstReleaseRow, NotAnEvent, type OutboxRow } from './event-row.js';
export type { RelayedEvent } from './envelope.js';
export type { RelayGauges } from './relay-gauges.js';
export {
  changeStuck,
  everyOther,
  listStuck,
  nextFor,
  readStuck,
  removeStuck,
  stuckStreams,
  type StuckStream,
} from './stuck-streams.js';
export { readRelayState, type RelayState, type ScanState } from './relay-state.js';
export type { OutboxAccess } from './outbox-access.js';
export { eventBusTarget, type EventBusTargetOptions } from './targets/event-bus.js';
export { queueTarget, type QueueTargetOptions } from './targets/queue.js';
export {
  NotAccepted,
  TargetLeftOut,
  TargetTimedOut,
  TooLargeForTarget,
  type RefusalKind,
} from '../send/errors.js';
export type { CallLimits, SendOptions, SendTarget } from '../send/target.js';
export type { RelayTarget } from './targets/target.js';
export { topicTarget, type TopicTargetOptions } from './targets/topic.js';
export {
  beginEpoch,
  EpochBegun,
  NotQuiet,
  type BegunEpoch,
  type BegunSource,
  type NewEpoch,
} from './epoch.js';
