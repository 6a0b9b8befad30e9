import type { Decode } from '../consumer/decode/decode.js';

/** For what may be in an envelope only. A file that decoders share would be drawn to the start by their index. */
const load = () => import('./enveloped.js');
const outOfEnvelopes: Decode = async (text, context) => (await load()).outOfEnvelopes(text, context);

/**
 * What takes an event of an outbox out of what a topic without raw delivery, or a rule of a bus, put around it.
 * Cheap, because every body is asked: only what may be one is looked at twice.
 */
export function coatsOfRelayedEvent(text: string): readonly Decode[] {
  return text.includes('firstenqueue') && /"(?:TopicArn|detail-type)"/.test(text) ? [outOfEnvelopes] : [];
}

/** What two copies of a body agree on: of an envelope of SNS or EventBridge, what it does not say anew each time. */
export function meant(json: unknown): unknown {
  const { TopicArn, 'detail-type': type } = Object(json) as Record<string, unknown>;
  return TopicArn === undefined && type === undefined ? json : load().then((loaded) => loaded.meant(json));
}
