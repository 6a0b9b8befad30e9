import type { StandardSchemaV1 } from '@standard-schema/spec';
import { crashPoint } from '../dedup/crash-points.js';
import { CommitFailed, errorText, faultOf, RejectMessage } from '../dedup/errors.js';
import type { FailureStore } from '../dedup/failure-store.js';
import type { Group } from '../dedup/group.js';
import type { Prepared, Way } from '../dedup/way.js';
import { Arrival, type Recognised } from './arrival.js';
import type { BatchOptions } from './batch-options.js';
import { reasonOf, headOf, type Failures } from './failures.js';
import type { GiveUpOptions, GiveUpOrigin } from './give-up.js';
import type { Judge } from './judge.js';
import { recognise } from './recognise.js';
import { run } from './run.js';
import type { Delivery } from './transport.js';

type BodyOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/** What is known of a batch that has met trouble. */
export interface TroubleOptions<Schema extends StandardSchemaV1, D extends Delivery, Unit extends Prepared>
  extends BatchOptions<Schema, D, Unit>, Omit<GiveUpOptions<BodyOf<Schema>, D>, 'positions' | 'transport'> {
  readonly failures: Failures;
  readonly maxFailures: number;
}

export interface DrainOptions<
  Schema extends StandardSchemaV1,
  D extends Delivery,
  Unit extends Prepared,
> extends Omit<TroubleOptions<Schema, D, Unit>, 'store'> {
  readonly store: FailureStore;
  readonly trouble: Judge<BodyOf<Schema>, D, Unit>;
}

/**
 * Goes on with a group that somebody has decided about: its parked messages, in order, run as any others (R50); then
 * the group flows again. It stops again at one that fails for good. While it is not through, its nudge comes again.
 * Never throws.
 */
export async function drain<Schema extends StandardSchemaV1, D extends Delivery, Unit extends Prepared>(
  nudge: Arrival<BodyOf<Schema>, D>,
  stream: string,
  options: DrainOptions<Schema, D, Unit>,
): Promise<void> {
  const { store, limits } = options;
  try {
    let group = await groupOf(stream, nudge, options);
    while (group?.state === 'resuming' || group?.state === 'skipping') {
      if (group.drained === group.parked) {
        await store.groups.open(group, limits());
        break;
      }
      const step = await new Drained(group, nudge, options).step();
      if (step === 'waits') return;
      group = step;
    }
    nudge.settle({ kind: 'processed' });
  } catch (cause) {
    const error = new CommitFailed(`a group is not drained: ${errorText(cause)}`, { cause });
    nudge.settle({ kind: 'retry', error });
  }
}

/** Undefined for what is no name of a group: nobody but us names them, so the nudge is somebody else's message. */
async function groupOf<Schema extends StandardSchemaV1, D extends Delivery, Unit extends Prepared>(
  stream: string,
  { delivery }: Arrival<BodyOf<Schema>, D>,
  { store, limits, report }: DrainOptions<Schema, D, Unit>,
): Promise<Group | undefined> {
  try {
    return await store.groups.read(stream, limits());
  } catch (error) {
    if (faultOf(error) === 'dependency') throw error;
    report(`message ${delivery.id} is to resume what is no group`, error);
    return undefined;
  }
}

/** The next of a group's parked messages on their way. */
class Drained<
  Schema extends StandardSchemaV1,
  D extends Delivery,
  Unit extends Prepared,
> implements GiveUpOrigin<BodyOf<Schema>, D> {
  readonly #nudge: Arrival<BodyOf<Schema>, D>;
  readonly #options: DrainOptions<Schema, D, Unit>;
  #group: Group;
  #arrivals: readonly Arrival<BodyOf<Schema>, D>[] = [];

  constructor(group: Group, nudge: Arrival<BodyOf<Schema>, D>, options: DrainOptions<Schema, D, Unit>) {
    this.#group = group;
    this.#nudge = nudge;
    this.#options = options;
  }

  /** @returns the group as it is now, or `waits` when the nudge has to come again. */
  async step(): Promise<Group | 'waits'> {
    const { store, limits, transport, failures, trouble, settings } = this.#options;
    const texts = await store.groups.next(this.#group, limits());
    // The nudge is the message whose deliveries tell that draining kills the process: those it drains are under its
    // suspicion.
    this.#arrivals = texts.map(
      (text) => new Arrival(inOneLane(transport.unpack(text)), this.#nudge.unexplained),
    );
    if (this.#group.state === 'skipping') return this.#skip();
    await failures.recall(this.#arrivals, [], limits());
    const options = {
      ...this.#options,
      way: remembering(this.#options.way, settings.receiptRetentionSeconds),
      arrivals: this.#arrivals,
      trouble: () => Promise.resolve(trouble),
    };
    await run(this.#arrivals, options, this);
    if (this.#group.state === 'stopped') return this.#group;
    const done = this.#arrivals.findIndex(({ outcome }) => outcome === undefined || outcome.kind === 'retry');
    const count = done < 0 ? this.#arrivals.length : done;
    await crashPoint('before-advance');
    if (count > 0) this.#group = await store.groups.advance(this.#group, count, limits());
    await crashPoint('after-advance');
    const stuck = this.#arrivals[count];
    if (stuck === undefined) return this.#group;
    await failures.note([stuck], this.#options.lastLimits());
    const { outcome } = stuck;
    this.#nudge.settle({ kind: 'retry', error: outcome?.kind === 'retry' ? outcome.error : undefined });
    return 'waits';
  }

  /** Every message of a group that is drained waits behind the ones before it, whatever lane it came in. */
  standsStill(): boolean {
    return false;
  }

  /** It has been stopped before. */
  stopsFrom(): number {
    return 0;
  }

  async stop(arrival: Arrival<BodyOf<Schema>, D>, error: unknown): Promise<boolean> {
    const { store, limits, tally } = this.#options;
    const at = { head: headOf(arrival), reason: reasonOf(error) };
    this.#group = await store.groups.stopAt(this.#group, this.#arrivals.indexOf(arrival) + 1, at, limits());
    tally.stopped += 1;
    await crashPoint('after-stop');
    return true;
  }

  /** What waits behind a message at which the group stopped again is parked already. */
  park(): Promise<number> {
    return Promise.resolve(0);
  }

  async #skip(): Promise<Group> {
    const { store, limits, settings, way } = this.#options;
    const [head] = this.#arrivals;
    if (this.#group.kind === 'aggregate' && head !== undefined) {
      await recognise(head, this.#options, limits());
      const position = head.recognised && way.positions?.of(head.recognised);
      if (position !== undefined) await way.positions?.passOver(position, 'skip', limits());
    }
    return store.groups.passOver(this.#group, settings.receiptRetentionSeconds ?? 0, limits());
  }
}

/** In the order in which they are parked. */
function inOneLane<D extends Delivery>(delivery: D): D {
  // Nobody counts how often it is taken out of there.
  return { ...delivery, lane: 'parked', ordered: true, deliveries: undefined };
}

/**
 * The way, but for what was sent longer ago than receipts are kept. When it was parked it had not acted; since then a
 * copy may have, whose receipt is gone. So it is the message's own end, and a person finds out (R50).
 */
function remembering<Body, Unit extends Prepared>(
  way: Way<Recognised<Body>, Unit>,
  retentionSeconds = Infinity,
): Way<Recognised<Body>, Unit> {
  if (way.forgets !== true) return way;
  return {
    ...way,
    prepare(received, turn) {
      const seconds = Math.floor((Date.now() - received.delivery.facts.sentAt.getTime()) / 1000);
      if (seconds < retentionSeconds) return way.prepare(received, turn);
      throw new RejectMessage(
        `it was sent ${seconds} s ago and receipts are kept for ${retentionSeconds} s, so nobody can tell whether a copy ` +
          'of it has acted since it was parked; find out in its effects, and skip it or send it anew',
      );
    },
  };
}
