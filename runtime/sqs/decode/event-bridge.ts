import { decoded, type Decode } from '../../consumer/decode/decode.js';
import { objectWith, textsOf } from './envelope.js';

export interface EventBridgeEnvelopeOptions {
  /**
   * Members of the envelope that are meant, beside the detail. The body is then `{ 'detail-type', source, detail }`
   * with those that are named.
   *
   * @default - none: the body is the detail
   */
  readonly keep?: readonly ('detail-type' | 'source')[];
}

/**
 * Takes the detail out of an event of EventBridge. The `id` and `time` of an event that is put again are others, and
 * a replay from an archive adds `replay-name`: a fingerprint of the envelope would take the copy for another payload.
 *
 * A body without an envelope is given on as it is, such as what an input transformer of the rule made.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
 */
export function eventBridgeEnvelope({ keep = [] }: EventBridgeEnvelopeOptions = {}): Decode {
  return (text) => {
    const envelope = objectWith(text, '"detail-type"');
    const { 'detail-type': type, source, detail } = envelope ?? {};
    if (typeof type !== 'string' || typeof source !== 'string' || detail === undefined) return text;
    return decoded({ json: keep.length === 0 ? detail : { ...textsOf(envelope, ...keep), detail } });
  };
}
