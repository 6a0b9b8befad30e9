import { errorText } from '../dedup/errors.js';
import type { FailureStore } from '../dedup/failure-store.js';
import type { Group } from '../dedup/group.js';
import { noHistory, noted, type History, type Note } from '../dedup/history.js';
import type { Limits } from '../dedup/limits.js';
import type { Arrival } from './arrival.js';
import { firstEnqueueAttribute, firstEnqueueOf } from './first-enqueue.js';

/** Bytes of a reason that are kept (R51). */
const maxReason = 1_000;

/** Why, for people: `name: message`, well-formed and bounded. */
export function reasonOf(error: unknown): string {
  const bytes = Buffer.from(errorText(error));
  // As a stream, the decoder keeps what is left of a character that was cut through.
  return bytes.length <= maxReason
    ? bytes.toString()
    : `${new TextDecoder().decode(bytes.subarray(0, maxReason - 3), { stream: true })}…`;
}

type Some = Arrival<unknown>;

/**
 * What a consumer knows of the failures of its messages (R19). Lives as long as the instance, which remembers what it
 * could not write down: a note that is lost in a brownout must not make a suspect of a message that failed and lived.
 */
export class Failures {
  readonly #unsaid = new Map<string, readonly Note[]>();
  readonly #store: FailureStore | undefined;

  /** @param store undefined without a dedup table: deliveries are all there is to count then. */
  constructor(store: FailureStore | undefined) {
    this.#store = store;
  }

  /**
   * Reads what is known of messages that were delivered before, and the state of groups, with one call or none.
   *
   * @returns the groups, and the streams and ids about which nothing is known.
   */
  async recall(
    arrivals: readonly Some[],
    streams: readonly string[],
    limits: Limits,
  ): Promise<{ readonly groups: ReadonlyMap<string, Group>; readonly unread: ReadonlySet<string> }> {
    const again = arrivals.filter(({ delivery }) => (delivery.deliveries ?? 2) > 1);
    if (this.#store === undefined) {
      for (const arrival of again)
        arrival.recall({ ...noHistory, failed: (arrival.delivery.deliveries ?? 1) - 1 });
      return { groups: new Map(), unread: new Set() };
    }
    const ids = again.map(({ delivery }) => delivery.id);
    if (ids.length === 0 && streams.length === 0) return { groups: new Map(), unread: new Set() };
    const { histories, groups, unread } = await this.#store.recall(ids, [...new Set(streams)], limits);
    for (const arrival of again) {
      const { id } = arrival.delivery;
      // Of one that could not be read nothing is known, so nobody is suspected either.
      if (!unread.has(id)) arrival.recall(this.#withUnsaid(id, histories.get(id) ?? noHistory));
    }
    return { groups, unread };
  }

  /** What is known of something that no transport counts. */
  async historyOf(id: string, limits: Limits): Promise<History> {
    const found = await this.#store?.recall([id], [], limits);
    return this.#withUnsaid(id, found?.histories.get(id) ?? noHistory);
  }

  /**
   * Writes down that suspects are started together. @throws DependencyFailed when that is not known to be written.
   */
  async start(ids: readonly string[], limits: Limits): Promise<void> {
    await this.#store?.start(ids, limits);
  }

  /**
   * Writes down why messages come again. What cannot be written is remembered, and written with the next that can.
   * Never throws.
   */
  async note(handedBack: readonly Some[], limits: Limits): Promise<void> {
    await this.add(
      handedBack.map(({ delivery, isCounted, outcome, company }): Note => {
        const error = outcome?.kind === 'retry' || outcome?.kind === 'rejected' ? outcome.error : undefined;
        const survived = company > 0;
        return isCounted
          ? { id: delivery.id, kind: 'failed', reason: reasonOf(error), survived }
          : { id: delivery.id, kind: 'excused', survived };
      }),
      limits,
    );
  }

  async add(notes: readonly Note[], limits: Limits): Promise<void> {
    if (this.#store === undefined) return;
    const late = [...this.#unsaid.values()].flat();
    this.#unsaid.clear();
    if (late.length + notes.length === 0) return;
    const lost = await this.#store.note([...late, ...notes], limits);
    for (const [id, some] of Map.groupBy(lost, (note) => note.id)) this.#unsaid.set(id, some);
  }

  #withUnsaid(id: string, history: History): History {
    return (this.#unsaid.get(id) ?? []).reduce(noted, history);
  }
}

/** Failures of a message, the present one included. */
export function attemptsOf({ failed, alone }: History): number {
  return failed + alone + 1;
}

/** A delivery as people look for it. */
export function headOf({ delivery, recognised }: Pick<Arrival<unknown>, 'delivery' | 'recognised'>) {
  const { letter, sequence, id, facts, attributes } = delivery;
  const first = firstEnqueueOf(attributes[firstEnqueueAttribute], facts.sentAt.getTime());
  return {
    key: recognised?.message.key,
    sequence: letter?.sequence ?? sequence,
    messageId: id,
    // A redriven copy is as old as its first ancestor: the horizon counts from there (R8).
    firstEnqueue: letter?.firstEnqueue ?? new Date(first).toISOString(),
  };
}
