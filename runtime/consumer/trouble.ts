import type { StandardSchemaV1 } from '@standard-schema/spec';
import { GroupStore } from '../dynamodb/parking.js';
import type { Arrival } from './arrival.js';
import { drain } from './drain.js';
import { Failures } from './failures.js';
import { GiveUp, type GiveUpOptions } from './give-up.js';
import type { BatchOptions } from './batch.js';
import type { RoundsWork } from './rounds.js';
import { defer } from '../sqs/visibility.js';

export { GroupStore } from '../dynamodb/parking.js';
export { groupStreamOf } from './give-up.js';

export interface TroubleOptions<Schema extends StandardSchemaV1, Prepared>
  extends
    BatchOptions<Schema, Prepared>,
    Omit<GiveUpOptions<StandardSchemaV1.InferOutput<Schema>>, 'way' | 'failures' | 'groups'> {
  /** Whether groups of the queue are stopped; their state is then read with each batch. */
  readonly stopsGroups: boolean;
}

/**
 * What a batch does about messages that have not gone well: redelivered, failed, given up, of a stopped group. A module that is
 * loaded when there is one, so that an instance which meets none starts sooner and smaller.
 */
export class Trouble<Schema extends StandardSchemaV1, Prepared> {
  readonly failures: Failures;
  readonly giveUp: GiveUp<StandardSchemaV1.InferOutput<Schema>>;
  readonly #groups: GroupStore | undefined;

  constructor(private readonly options: TroubleOptions<Schema, Prepared>) {
    const { settings, dynamodb, stopsGroups } = options;
    const { dedupTable, consumerName } = settings;
    this.failures = new Failures(settings, dynamodb, stopsGroups);
    this.#groups = dedupTable === undefined ? undefined : new GroupStore(dynamodb, dedupTable, consumerName);
    this.giveUp = new GiveUp({ ...options, failures: this.failures, groups: this.#groups });
  }

  /** Reads what is known of messages that were delivered before, and which groups are stopped. */
  async recall(arrivals: readonly Arrival<unknown>[]): Promise<void> {
    const groups = await this.failures.recall(arrivals, this.options.limits().meter);
    for (const [stream, group] of groups) this.giveUp.stopped.set(stream, group);
  }

  /** Whether the group of a message stood still when it was read. */
  isStopped(arrival: Arrival<unknown>): boolean {
    const place = this.failures.groupOf(arrival);
    const state = place && this.giveUp.stopped.get(place.stream)?.state;
    return state !== undefined && state !== 'open';
  }

  /** Drains the group that a nudge asks for. Never throws. */
  async resume(
    nudge: Arrival<StandardSchemaV1.InferOutput<Schema>>,
    stream: string,
    work: RoundsWork<StandardSchemaV1.InferOutput<Schema>, Prepared>,
  ): Promise<void> {
    const { failures, giveUp } = this;
    const groups = this.#groups;
    if (groups === undefined) nudge.settle('retry');
    else await drain(nudge, stream, { ...this.options, groups, failures, giveUp, work });
  }

  /** Writes down why messages come again, and has them come when it makes sense. Never throws. */
  async handBack(arrivals: readonly Arrival<unknown>[]): Promise<void> {
    const { settings, deadLetterClient, limits } = this.options;
    await this.failures.note(arrivals, limits().meter);
    if (settings.queueUrl !== undefined)
      await defer(deadLetterClient, settings.queueUrl, arrivals, (arrival) => this.failures.count(arrival));
  }
}
