import { fingerprintOf } from '../dedup/fingerprint.js';
import { receiptId } from '../dedup/identity.js';
import type { Outcome } from '../dedup/outcome.js';
import type { Identified, Prepared, Way } from '../dedup/way.js';
import type { Delivery } from '../consumer/transport.js';
import type { KafkaDelivery } from './delivery.js';
import { TopicIdUnknown } from './errors.js';
import type { HandedOut } from './event.js';

/**
 * Ids of topics by name, as `kafka-topics.sh --describe` gives them: a topic that is deleted and made again under its
 * name has another id, and its offsets start anew (R2). Lambda's event does not say it.
 */
export type TopicIds = Readonly<Record<string, string>>;

/**
 * The identity of a record by its place in the log.
 *
 * @throws TopicIdUnknown when the topic has no id.
 */
export function identifyByPosition(
  topicIds: TopicIds,
  consumerName: string,
): (source: unknown, delivery: Delivery) => { readonly id: string; readonly key: string } {
  return (_source, delivery) => {
    const { topic, partition, offset } = recordOf(delivery);
    const topicId = Object.hasOwn(topicIds, topic) ? topicIds[topic] : undefined;
    // An empty one is none: it would be that of every topic.
    if (!topicId) throw new TopicIdUnknown(topic, Object.keys(topicIds));
    const key = `${topicId}/${partition}/${offset}`;
    return { key, id: receiptId(consumerName, key) };
  };
}

/**
 * A way whose messages are recognised by position. Two records of one position differ if anything of them does, and
 * also if only their times do: then they are of two topics. The later one is no reuse of a key, which would be a dead
 * letter: the id of the topic is wrong, and everything waits until it is right.
 */
export function byPosition<
  Message extends Identified & { readonly delivery: Delivery },
  Unit extends Prepared,
>(way: Way<Message, Unit>): Way<Message, Unit> {
  const made = new WeakMap<Message, Message>();
  const whole = (message: Message): Message => {
    const known = made.get(message);
    if (known !== undefined) return known;
    const { timestamp, key, value, headers } = recordOf(message.delivery);
    const fingerprint = fingerprintOf([timestamp, key ?? null, value ?? null, headers ?? []]);
    const one = { ...message, fingerprint };
    made.set(message, one);
    return one;
  };
  return {
    ...way,
    prepare: (message, turn) => way.prepare(whole(message), turn),
    async commit(units, limits, alone) {
      const { outcomes, ...rest } = await way.commit(units, limits, alone);
      return { ...rest, outcomes: await told(outcomes) };
    },
    ...(way.recall !== undefined && {
      async recall(messages, limits, consistent) {
        const asked = messages.map(whole);
        const found = (await way.recall?.(asked, limits, consistent)) ?? new Map<Message, Outcome>();
        const outcomes = new Map(
          messages.flatMap((message, i) => {
            const outcome = found.get(asked[i] ?? message);
            return outcome === undefined ? [] : [[message, outcome] as const];
          }),
        );
        return told(outcomes);
      },
    }),
  };
}

/** Loaded with the first record that is refused. */
async function told<Of>(outcomes: ReadonlyMap<Of, Outcome>): Promise<ReadonlyMap<Of, Outcome>> {
  if (![...outcomes.values()].some(({ kind }) => kind === 'rejected')) return outcomes;
  const { recreated } = await import('./recreated.js');
  return new Map([...outcomes].map(([of, outcome]) => [of, recreated(outcome)]));
}

function recordOf(delivery: Delivery): HandedOut['record'] {
  return (delivery as KafkaDelivery).handedOut.record;
}
