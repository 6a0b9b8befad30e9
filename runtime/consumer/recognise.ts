import type { StandardSchemaV1 } from '@standard-schema/spec';
import { RejectMessage } from '../dedup/errors.js';
import { fingerprintOf } from '../dedup/fingerprint.js';
import { deepFreeze } from '../dedup/fold.js';
import { sequence } from '../dedup/sequence.js';
import type { Arrival, Recognised } from './arrival.js';
import type { KeySource } from './message.js';
import type { Delivery } from './transport.js';

/** How a delivery becomes a message with an identity. */
export interface Recognition<Schema extends StandardSchemaV1> {
  readonly schema: Schema;
  /** `id` tells messages apart in the store, `key` is what people call the message by. */
  readonly identify: (
    source: KeySource<StandardSchemaV1.InferOutput<Schema>>,
    delivery: Delivery,
  ) => {
    readonly id: string;
    readonly key: string;
  };
  readonly fingerprint?: (body: StandardSchemaV1.InferOutput<Schema>) => unknown;
}

/**
 * Reads a delivery. Never throws: one that cannot be read carries its error, to be judged in its turn. Of a body that the schema refuses
 * the identity is tried all the same: its receipt, or its position, may be known (R45, R53).
 */
export async function recognise<Schema extends StandardSchemaV1, D extends Delivery>(
  arrival: Arrival<StandardSchemaV1.InferOutput<Schema>, D>,
  recognition: Recognition<Schema>,
): Promise<void> {
  const { delivery } = arrival;
  if (delivery.resumes !== undefined) return;
  try {
    arrival.recognise({ recognised: await read(delivery, recognition) });
  } catch (error) {
    arrival.recognise({ error });
  }
}

type BodyOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

async function read<Schema extends StandardSchemaV1>(
  delivery: Delivery,
  { schema, identify, fingerprint }: Recognition<Schema>,
): Promise<Recognised<BodyOf<Schema>>> {
  const { attributes, group } = delivery;
  const json = parse(delivery.text);
  const result = await schema['~standard'].validate(json);
  const refusal = result.issues && refused(result.issues);
  // What the schema refuses is of another type than the selectors expect: they may throw, and then it has no identity.
  const body = (refusal === undefined ? (result as { value: unknown }).value : json) as BodyOf<Schema>;
  const source = deepFreeze({ body, attributes, group });
  try {
    const { id, key } = identify(source, delivery);
    // Of what was sent, not of what the schema made of it: a new default in the schema must not turn a copy into a stranger.
    const print = fingerprintOf(fingerprint === undefined ? json : fingerprint(body));
    const message = Object.freeze({
      ...source,
      key,
      sequence: delivery.sequence === undefined ? undefined : sequence(delivery.sequence),
      transport: delivery.facts,
    });
    return { message, id, fingerprint: print, json, delivery, refusal };
  } catch (error) {
    throw refusal ?? error;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the body, which may be personal data.
    throw new RejectMessage('body is not JSON');
  }
}

/** The reason names paths and rules, not values. */
function refused(issues: readonly StandardSchemaV1.Issue[]): RejectMessage {
  const texts = issues.map(({ message, path }) => `${pathText(path)}: ${message}`);
  return new RejectMessage(`body does not fit the schema: ${texts.join('; ')}`);
}

function pathText(path: StandardSchemaV1.Issue['path']): string {
  const keys = path?.map((segment) => String(typeof segment === 'object' ? segment.key : segment)) ?? [];
  return keys.length > 0 ? keys.join('.') : 'body';
}
