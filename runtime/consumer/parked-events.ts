import { createHash } from 'node:crypto';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { crashPoint } from '../dedup/crash-points.js';
import { faultOf, isFinal, ParkedUntried, ParkedWaiting, ProcessDied } from '../dedup/errors.js';
import type { History } from '../dedup/history.js';
import type { FailedParked, Prepared } from '../dedup/way.js';
import { Arrival } from './arrival.js';
import { hasDied } from './company.js';
import type { TroubleOptions } from './drain.js';
import type { GiveUp } from './give-up.js';
import { recognise } from './recognise.js';
import type { Delivery } from './transport.js';
import { verdictOf } from './verdict.js';

type BodyOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/**
 * Parked events that did not act when their turn came. Each is judged for itself, under a history of its own (R50):
 * no message is left in the queue for it but its carriers, which come again, are never blamed, and bring it once
 * more.
 */
export class ParkedEvents<Schema extends StandardSchemaV1, D extends Delivery, Unit extends Prepared> {
  readonly #options: TroubleOptions<Schema, D, Unit>;
  readonly #giveUp: GiveUp<BodyOf<Schema>, D>;
  readonly #noteCarriers: () => Promise<void>;
  /** Those that have been judged in this batch: several carriers bring the same one. */
  readonly #judged = new Set<string>();

  /**
   * @param noteCarriers writes down that the messages which brought an event are done with, before it may kill the
   * process
   */
  constructor(
    options: TroubleOptions<Schema, D, Unit>,
    giveUp: GiveUp<BodyOf<Schema>, D>,
    noteCarriers: () => Promise<void>,
  ) {
    this.#options = options;
    this.#giveUp = giveUp;
    this.#noteCarriers = noteCarriers;
  }

  /**
   * Never throws: what is not through is tried again with the next message of its stream. Carriers of what is through
   * are settled by what became of themselves.
   *
   * @returns the streams in which nothing has to be brought again.
   */
  async judge(failed: readonly FailedParked[], carrier: D): Promise<ReadonlySet<string>> {
    const open = [...failed];
    const waiting = new Set<string>();
    try {
      for (let one = open.shift(); one !== undefined; one = open.shift()) {
        const { stream } = one.position;
        const id = idOf(one);
        waiting.add(stream);
        if (this.#judged.has(id)) continue;
        this.#judged.add(id);
        const behind = await this.#judge(one, id, carrier);
        if (behind === undefined) continue;
        waiting.delete(stream);
        open.push(...behind);
      }
    } catch (cause) {
      this.#options.report('a parked event is not judged yet', cause);
      for (const { position } of open) waiting.add(position.stream);
    }
    const streams = failed.map(({ position }) => position.stream);
    const through = new Set(streams.filter((stream) => !waiting.has(stream)));
    this.#letGo(through);
    return through;
  }

  /** Messages that were to come again for a parked event, and have nothing to bring any more. */
  #letGo(through: ReadonlySet<string>): void {
    const { arrivals, way } = this.#options;
    for (const arrival of arrivals) {
      const { outcome, recognised } = arrival;
      if (recognised === undefined || outcome?.kind !== 'retry') continue;
      const { error } = outcome;
      if (!(error instanceof ParkedWaiting)) continue;
      if (through.has(way.positions?.of(recognised).stream ?? '')) arrival.settle({ kind: error.became });
    }
  }

  /** @returns parked events that failed behind it; undefined when its carriers have to bring it again. */
  async #judge(one: FailedParked, id: string, carrier: D): Promise<readonly FailedParked[] | undefined> {
    const { failures, lastLimits, transport, maxFailures } = this.#options;
    const history = await failures.historyOf(id, lastLimits());
    const arrival = new Arrival<BodyOf<Schema>, D>(await transport.restore(one, carrier));
    arrival.recall(history);
    await recognise(arrival, this.#options, lastLimits());
    const error = one.error instanceof ParkedUntried ? await this.#tryAlone(arrival, id, history) : one.error;
    if (error === undefined) return [];
    const failure = { fault: faultOf(error), final: isFinal(error), ahead: false, failed: history.failed };
    const verdict = verdictOf({ ...failure, maxFailures });
    if (verdict === 'count') await failures.add([{ id, kind: 'failed', survived: true }], lastLimits());
    if (verdict !== 'give-up') return undefined;
    await this.#giveUp.deadLetter(arrival, error, one.position, true);
    await crashPoint('before-stop');
    return this.#giveUp.passOverParked(arrival, one.position, error);
  }

  /**
   * Runs it as a message of its own, when whoever brought it is written down as done with. @returns what went wrong.
   */
  async #tryAlone(arrival: Arrival<BodyOf<Schema>, D>, id: string, history: History): Promise<unknown> {
    const { failures, limits, way } = this.#options;
    if (hasDied(history)) return new ProcessDied(id, history.alone);
    const { recognised, refusal } = arrival;
    if (recognised === undefined || refusal !== undefined) return refusal;
    await this.#noteCarriers();
    await failures.start([id], limits());
    await crashPoint('suspect-started');
    const unit = await way.prepare(recognised, { lane: 'parked', ahead: false, limits });
    const { outcomes } = await way.commit([unit], limits(), true);
    const outcome = outcomes.get(unit);
    if (outcome?.kind === 'retry' || outcome?.kind === 'rejected') return outcome.error;
    await failures.add([{ id, kind: 'excused', survived: true }], limits());
    return undefined;
  }
}

/** A parked event has no delivery of its own: it is known by its place. */
function idOf({ position: { stream, sequence } }: FailedParked): string {
  return `parked ${createHash('sha256').update(stream).digest('hex')}@${sequence}`;
}
