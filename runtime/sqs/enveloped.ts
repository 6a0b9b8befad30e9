import { parseJson } from '../dedup/exact-json.js';
import { decoded, type DecodeContext, type DecodeResult } from '../consumer/decode/decode.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** What every event of an outbox says beside its data: CloudEvents, and where the event stands. */
const members = ['id', 'source', 'type', 'subject', 'epoch', 'aggregate', 'version', 'firstenqueue'];
/** A bus, a topic, a queue: two are met in practice. */
const mostEnvelopes = 2;

/** The event of an outbox that a body holds in envelopes; of anything else the text as it is. */
export function outOfEnvelopes(text: string, { attributes }: DecodeContext): DecodeResult {
  try {
    let json = parseJson(text);
    let found = attributes;
    for (let i = 0; i < mostEnvelopes; i += 1)
      if (isOfTopic(json)) {
        found = { ...found, ...attributesOf(json.MessageAttributes) };
        json = parseJson(json.Message);
      } else if (isOfBus(json)) json = json.detail;
    return isRelayed(json) ? decoded({ json }, found) : text;
  } catch {
    // It is no envelope of ours: it is refused, or not, as what it is.
    return text;
  }
}

/**
 * What two copies of a body agree on. An envelope around a message that is published again has another id, time and
 * signature, and means the same.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
 */
export function meant(json: unknown): unknown {
  if (isOfTopic(json)) return only(json, ['Type', 'TopicArn', 'Subject', 'Message', 'MessageAttributes']);
  if (isOfBus(json)) return only(json, ['detail-type', 'source', 'account', 'region', 'resources', 'detail']);
  return json;
}

function only(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.flatMap((name) => (name in object ? [[name, object[name]]] : [])));
}

function isOfTopic(json: unknown): json is JsonObject & { readonly Message: string } {
  const { Type, TopicArn, Message } = Object(json) as JsonObject;
  return Type === 'Notification' && typeof TopicArn === 'string' && typeof Message === 'string';
}

function isOfBus(json: unknown): json is JsonObject {
  const { version, source, 'detail-type': type, detail } = Object(json) as JsonObject;
  return version === '0' && typeof source === 'string' && typeof type === 'string' && detail !== undefined;
}

function isRelayed(json: unknown): boolean {
  const event = Object(json) as JsonObject;
  return event.specversion === '1.0' && members.every((name) => typeof event[name] === 'string');
}

/** As SQS would give them: text and numbers. */
function attributesOf(given: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(
      Object(given) as Record<string, { readonly Type?: unknown; readonly Value?: unknown } | null>,
    )
      .filter(([, one]) => typeof one?.Value === 'string' && one.Type !== 'Binary')
      .map(([name, one]) => [name, String(one?.Value)]),
  );
}
