import type { TargetKind } from './kind.js';

/** What a kind of target does of what a deployment depends on. */
export interface Capabilities {
  /**
   * API Gateway v2. Without it the reference stack gets a REST API: same core, same guarantees, and its callers are
   * one, because such a target does not say who calls either.
   */
  readonly httpApi: boolean;
  /** A schedule of EventBridge Scheduler comes to its time: sweeps, and jobs that are due later. */
  readonly schedules: boolean;
  /** TTL deletes rows by itself. */
  readonly ttl: boolean;
  /** The capacity that DynamoDB reports of a transaction is what AWS would bill. */
  readonly transactionUnits: boolean;
}

const all: Capabilities = { httpApi: true, schedules: true, ttl: true, transactionUnits: true };

/**
 * The one place that says what each target lacks. An unknown emulator is taken at its word: what it ignores is found
 * out after the deployment.
 */
export const capabilityTable: Readonly<Record<TargetKind, Capabilities>> = {
  // TTL of a table that CloudFormation makes is dropped.
  embedded: { ...all, ttl: false },
  ministack: { ...all, ttl: false },
  // The free edition, seen with 4.14.0: schedules are accepted and never fire, TTL runs on request only, and
  // DynamoDB Local reports about a third of a transaction's units.
  localstack: { httpApi: false, schedules: false, ttl: false, transactionUnits: false },
  endpoint: all,
  aws: all,
};

/** @param name of a target; one that no kind is called by has everything */
export function capabilitiesOf(name: string): Capabilities {
  return Object.hasOwn(capabilityTable, name) ? capabilityTable[name as TargetKind] : all;
}
