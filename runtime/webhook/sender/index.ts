export { webhookIntake, type WebhookIntakeOptions } from './intake.js';
export { webhookWorker, type WebhookWorker, type WebhookWorkerOptions } from './worker.js';
export {
  replayedStates,
  WebhookRegistry,
  type DeliveryQuery,
  type EndpointView,
  type ReplayQuery,
  type WebhookRegistryOptions,
} from './registry.js';
export { webhookSenderSettings, type WebhookSenderSettings } from './settings.js';
export type { DisabledReason, Endpoint, EndpointHealth, EndpointSettings } from './endpoint.js';
export type { Delivery, DeliveryState, StoredAttempt, StoredEvent } from './rows.js';
export { webhookIdOf } from './rows.js';
export type { AlertTargets, WebhookAlert } from './alerts.js';
export type { AlertStep, HealthRules } from './health.js';
export { defaultHealth } from './health.js';
export { defaultSchedule } from './schedule.js';
export { signedHeaders, type SignedHeaders, type SigningSecret } from './sign.js';
export {
  AddressRefused,
  InvalidEndpoint,
  InvalidTenant,
  NameServersSilent,
  NotRegistered,
  ResolverFailed,
} from './errors.js';
export { destinationOf, type Destination, type Guard, type Lookup } from './guard/destination.js';
export { guardOf, type GuardOptions } from './guard/options.js';
export { isAllowedAddress } from './guard/address.js';
export { logSent, type SendSummary } from './summary.js';
