import { decodeBody } from '../../consumer/decode/decode-body.js';
import { decoded, type DecodeContext, type DecodeResult } from '../../consumer/decode/decode.js';
import { asObject } from './as-object.js';
import { eventBridgeEnvelope } from './event-bridge.js';
import { snsEnvelope } from './sns.js';

/** What every event of an outbox says beside its data: CloudEvents and where the event stands. */
const members = ['id', 'source', 'type', 'subject', 'epoch', 'aggregate', 'version', 'firstenqueue'];

/** The event of an outbox that a body holds in envelopes; else the body as it is. */
export async function outOfEnvelopes(
  text: string,
  { attributes, signal }: DecodeContext,
): Promise<DecodeResult> {
  try {
    const { json, attributes: found } = await decodeBody(
      text,
      attributes,
      [snsEnvelope(), eventBridgeEnvelope()],
      signal,
    );
    return isRelayed(json) ? decoded({ json }, found) : text;
  } catch {
    // It is no envelope of ours: it is refused, or not, as what it is.
    return text;
  }
}

function isRelayed(json: unknown): boolean {
  const event = asObject(json);
  return event?.specversion === '1.0' && members.every((name) => typeof event[name] === 'string');
}
