import type { SQSClient } from '@aws-sdk/client-sqs';
import { NotAccepted } from '../send/errors.js';
import { newLane, type Lane } from '../send/lane.js';
import { isThrottling } from '../send/refusal.js';
import type { CallAnswer } from '../send/send-call.js';
import { sendLanes, type Retry, type Stop } from '../send/send-lanes.js';
import type { SendTarget } from '../send/target.js';
import { queueLimits, sendEntries } from '../sqs/send-entries.js';
import type { Enveloped } from './envelope.js';
import { FifoThrottled, MessagesNotSent } from './errors.js';
import { Patience } from './patience.js';
import type { Pressure } from './pressure.js';
import type { SendSummary } from './summary.js';

export interface SendRunOptions {
  readonly sqs: SQSClient;
  readonly queueUrl: string;
  readonly spilloverQueueUrl: string | undefined;
  /** Most messages of a group in one call. @default - as many as a call holds */
  readonly atOnce: number | undefined;
  readonly pressure: Pressure;
  readonly patienceMs: number;
}

/** Until the patience is over, and never given up for a lost answer: it is asked for once more (R32). */
const retry: Retry = { most: Infinity, baseMs: 50, capMs: 1_000, stopsAtTimeout: false };
/** Messages of one call that try FIFO while the others go to Standard. */
const probeSize = 10;

/** One call of `send`. */
export class SendRun {
  readonly #began = performance.now();
  readonly #clock: Patience;
  /** The last that was heard of a message. */
  readonly #last = new Map<Enveloped, unknown>();
  readonly #figures = { sent: 0, spilled: 0, throttled: 0, back: 0, claimed: 0, calls: 0 };
  readonly #options: SendRunOptions;

  constructor(options: SendRunOptions) {
    this.#options = options;
    this.#clock = new Patience(options.patienceMs);
  }

  /** @throws MessagesNotSent */
  async send(messages: readonly Enveloped[]): Promise<void> {
    const { spilloverQueueUrl, pressure } = this.#options;
    const stored = await this.#storeBodies(messages);
    let unsent: Enveloped[];
    if (spilloverQueueUrl === undefined) unsent = await this.#toQueue(stored);
    else {
      // While FIFO throttles, a call tries it now and then: to keep it warm, and to see when it holds again.
      const probes = pressure.spills ? (pressure.takesProbe() ? probeSize : 0) : stored.length;
      const left = await this.#toFifo(stored.slice(0, probes));
      // One may come back by a probe: then the rest follows it.
      const rest = stored.slice(probes);
      const more = pressure.spills ? rest : await this.#toFifo(rest);
      const spill = [...left, ...more].filter((one) => this.#mayGoElsewhere(one));
      const stuck = [...left, ...more].filter((one) => !this.#mayGoElsewhere(one));
      unsent = [...stuck, ...(await this.#toStandard(spill, spilloverQueueUrl))];
    }
    this.#figures.sent = stored.length - unsent.length;
    const all = new Set([...messages.filter((one) => !stored.includes(one)), ...unsent]);
    if (all.size > 0) this.#fail(messages.filter((one) => all.has(one)));
  }

  summary(messages: number): SendSummary {
    const { sent } = this.#figures;
    return {
      channel: this.#options.queueUrl.split('/').at(-1) ?? '',
      ...{ messages, ...this.#figures, notSent: messages - sent },
      ms: Math.round(performance.now() - this.#began),
    };
  }

  /** A pointer must not arrive before its object. @returns the messages whose object is there, or that need none */
  async #storeBodies(messages: readonly Enveloped[]): Promise<Enveloped[]> {
    const failed = new Set<string>();
    const { signal } = this.#clock;
    const results = await Promise.all(
      messages.map(async (one) => {
        if (one.claim === undefined) return true;
        try {
          await one.claim.store(signal);
          this.#figures.claimed += 1;
          return true;
        } catch (error) {
          this.#last.set(one, error);
          return false;
        }
      }),
    );
    // What is behind one that failed in its group waits for it.
    return messages.filter((one, index) => {
      if (results[index] === false) failed.add(one.stream);
      return !failed.has(one.stream);
    });
  }

  async #toQueue(messages: readonly Enveloped[]): Promise<Enveloped[]> {
    const { queueUrl, atOnce } = this.#options;
    const stops = await this.#sendLanes(lanesOf(messages, atOnce), this.#target(queueUrl), false);
    return messages.filter((one) => isUnsent(one, stops));
  }

  /** @returns what FIFO has not taken */
  async #toFifo(messages: readonly Enveloped[]): Promise<Enveloped[]> {
    if (messages.length === 0) return [];
    const { queueUrl, atOnce } = this.#options;
    const stops = await this.#sendLanes(lanesOf(messages, atOnce), this.#target(queueUrl), true);
    return messages.filter((one) => isUnsent(one, stops));
  }

  /** @returns what Standard has not taken either */
  async #toStandard(messages: readonly Enveloped[], queueUrl: string): Promise<Enveloped[]> {
    if (messages.length === 0) return [];
    // Standard keeps no order: nothing is held back behind another one.
    const single = messages.map((one) => ({ ...one, stream: `message ${one.version}` }));
    const stops = await this.#sendLanes(lanesOf(single, undefined), this.#target(queueUrl), false);
    const unsent = messages.filter((_, index) => isUnsent(single[index], stops));
    for (const [index, one] of messages.entries()) {
      const copy = single[index];
      if (copy !== undefined) this.#last.set(one, this.#last.get(copy) ?? this.#last.get(one));
    }
    this.#figures.spilled += messages.length - unsent.length;
    return unsent;
  }

  #sendLanes(
    lanes: readonly Lane<Enveloped>[],
    target: SendTarget<Enveloped>,
    mayLeave: boolean,
  ): Promise<Map<string, Stop>> {
    const { pressure, spilloverQueueUrl, queueUrl } = this.#options;
    const wasSpilled = pressure.spills;
    let throttled = false;
    return sendLanes(lanes, target, {
      clock: this.#clock,
      retry,
      leave: () =>
        mayLeave && pressure.spills && (!wasSpilled || throttled)
          ? new FifoThrottled(pressure.forMs)
          : undefined,
      onAnswer: (sent, answer) => {
        this.#figures.calls += 1;
        for (const one of sent) this.#last.set(one, answer.failure?.error ?? answer.refused.get(one));
        const count = throttledOf(sent, answer);
        this.#figures.throttled += count;
        if (target.name !== queueUrl || spilloverQueueUrl === undefined) return;
        if (count > 0) {
          throttled = true;
          pressure.throttled();
        } else if (answer.failure === undefined && pressure.accepted()) this.#figures.back = 1;
      },
    });
  }

  /** What FIFO will never take is no case for Standard, nor what it may have taken, for all that is known (R32). */
  #mayGoElsewhere(one: Enveloped): boolean {
    const error = this.#last.get(one);
    if (!this.#options.pressure.spills) return false;
    if (error instanceof NotAccepted) return error.kind === 'throttled';
    return error === undefined || isThrottling(error);
  }

  #target(queueUrl: string): SendTarget<Enveloped> {
    const fifo = queueUrl.endsWith('.fifo');
    return {
      name: queueUrl,
      call: { ...queueLimits, sizeOf: ({ bytes }) => bytes },
      send: (events, { signal }) =>
        sendEntries(
          this.#options.sqs,
          queueUrl,
          events,
          ({ entry, deduplicationId }) => ({
            ...entry,
            MessageDeduplicationId: fifo ? deduplicationId : undefined,
          }),
          signal,
        ),
    };
  }

  #fail(unsent: readonly Enveloped[]): never {
    const { queueUrl } = this.#options;
    throw new MessagesNotSent(
      queueUrl,
      unsent.map((one) => {
        const error = this.#last.get(one);
        return {
          message: one.message,
          error,
          final: error instanceof NotAccepted && error.kind === 'final',
        };
      }),
      this.#figures.sent,
    );
  }
}

function lanesOf(messages: readonly Enveloped[], atOnce: number | undefined): Lane<Enveloped>[] {
  const streams = new Map<string, Enveloped[]>();
  for (const one of messages) {
    const stream = streams.get(one.stream);
    if (stream === undefined) streams.set(one.stream, [one]);
    else stream.push(one);
  }
  return [...streams.values()].map((waiting) => newLane(waiting, atOnce ?? queueLimits.events));
}

function isUnsent(one: Enveloped | undefined, stops: ReadonlyMap<string, Stop>): boolean {
  const stop = one && stops.get(one.stream);
  return one !== undefined && stop !== undefined && one.version >= stop.version;
}

function throttledOf(sent: readonly Enveloped[], { refused, failure }: CallAnswer<Enveloped>): number {
  if (failure !== undefined) return isThrottling(failure.error) ? sent.length : 0;
  return [...refused.values()].filter((error) => error instanceof NotAccepted && error.kind === 'throttled')
    .length;
}
