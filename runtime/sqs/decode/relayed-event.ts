import type { Decode } from '../../consumer/decode/decode.js';

/**
 * Takes an event of an outbox out of what a topic without raw delivery, or a rule of a bus, put around it. Of
 * anything else that may look like one the text stays as it is.
 */
export const relayedEvent: Decode = async (text, context) => {
  const { outOfEnvelopes } = await import('./out-of-envelopes.js');
  return outOfEnvelopes(text, context);
};

/** Cheap, because every body is asked: only what may be a relayed event in an envelope is looked at twice. */
export function coatsOfRelayedEvent(text: string): readonly Decode[] {
  return text.includes('firstenqueue') && /"(?:TopicArn|detail-type)"/.test(text) ? [relayedEvent] : [];
}
