import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Limits } from '../dedup/limits.js';
import type { Prepared, Way } from '../dedup/way.js';
import type { Arrival, Recognised } from './arrival.js';
import type { Pace } from './pace.js';
import type { Recognition } from './recognise.js';
import type { EngineSettings } from './settings.js';
import type { Delivery, Transport } from './transport.js';

type BodyOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/** One batch on its way. */
export interface BatchOptions<
  Schema extends StandardSchemaV1,
  D extends Delivery,
  Unit extends Prepared,
> extends Recognition<Schema> {
  readonly settings: EngineSettings;
  readonly transport: Transport<never, D>;
  readonly way: Way<Recognised<BodyOf<Schema>>, Unit>;
  readonly arrivals: readonly Arrival<BodyOf<Schema>, D>[];
  readonly pace: Pace;
  readonly remainingMs: () => number;
  /** For handlers and commits. */
  readonly limits: () => Limits;
  /** For what has to be said about them: later than `limits`, because a handler may have used up all of its time. */
  readonly lastLimits: () => Limits;
  /** A line for people about something that comes again by itself. */
  readonly report: (what: string, cause: unknown) => void;
}
