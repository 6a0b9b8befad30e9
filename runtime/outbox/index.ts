export { eventBytes, outbox, type Outbox, type OutboxDefinition, type OutboxEvent } from './outbox.js';
export { EpochEnded } from '../dedup/errors.js';
export { cloudEvent, producerVersion, type CloudEvent } from './event.js';
export { outboxRelay, type OutboxRelay, type OutboxRelayOptions, type ScheduledEvent } from './relay.js';
export { relaySettings, type RelaySettings } from './relay-settings.js';
export { logRelay, type RelayProblem, type RelaySummary } from './relay-summary.js';
export { FirstReleaseRow, NotAnEvent, outboxRowVersion, type OutboxRow } from './row.js';
export { eventBusTarget, type EventBusTargetOptions } from './targets/event-bus.js';
export { queueTarget, type QueueTargetOptions } from './targets/queue.js';
export { NotAccepted, type RelayTarget } from './targets/target.js';
export { topicTarget, type TopicTargetOptions } from './targets/topic.js';
export {
  beginEpoch,
  EpochBegun,
  NotQuiet,
  type BegunEpoch,
  type BegunSource,
  type NewEpoch,
} from './epoch.js';
