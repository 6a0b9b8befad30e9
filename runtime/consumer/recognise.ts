import type { StandardSchemaV1 } from '@standard-schema/spec';
import { asThrown } from '../dedup/error.js';
import { fingerprintOf } from '../dedup/fingerprint.js';
import { deepFreeze } from '../dedup/deep-freeze.js';
import { letGo } from '../dedup/let-go.js';
import type { Limits } from '../dedup/limits.js';
import { parsePlainJson } from '../dedup/plain-json.js';
import { sequence } from '../dedup/sequence.js';
import { timerMs } from '../dedup/timer-ms.js';
import { unlessAborted } from '../dedup/unless-aborted.js';
import type { Arrival, Recognised } from './arrival.js';
import type { Decode } from './decode/decode.js';
import type { KeySource } from './message.js';
import type { Delivery } from './transport.js';

/** How a delivery becomes a message with an identity. */
export interface Recognition<Schema extends StandardSchemaV1> {
  readonly schema: Schema;
  /**
   * What takes off what this text wears: envelopes, encodings, pointers. The outermost coat comes first. @default -
   * the body is JSON
   */
  readonly decodersOf?: (text: string) => readonly Decode[];
  /** `id` tells messages apart in the store, `key` is what people call the message by. */
  readonly identify: (
    source: KeySource<StandardSchemaV1.InferOutput<Schema>>,
    delivery: Delivery,
  ) => {
    readonly id: string;
    readonly key: string;
  };
  readonly fingerprint?: (body: StandardSchemaV1.InferOutput<Schema>) => unknown;
  /** What two copies of a body agree on, where `fingerprint` does not say it. @default - all of it */
  readonly meant?: (json: unknown) => unknown;
}

/**
 * Reads a delivery. Never throws: one that cannot be read carries its error, to be judged in its turn. Of a body that
 * the schema refuses the identity is tried all the same: its receipt, or its position, may be known (R45, R53).
 */
export async function recognise<Schema extends StandardSchemaV1, D extends Delivery>(
  arrival: Arrival<StandardSchemaV1.InferOutput<Schema>, D>,
  recognition: Recognition<Schema>,
  limits: Limits,
): Promise<void> {
  const { delivery } = arrival;
  if (delivery.nudge !== undefined) return;
  try {
    arrival.recognise({ recognised: await read(delivery, recognition, limits) });
  } catch (error) {
    arrival.recognise({ error: asThrown(error) });
  }
}

type BodyOf<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

async function read<Schema extends StandardSchemaV1>(
  delivery: Delivery,
  { schema, decodersOf, identify, fingerprint, meant = (json) => json }: Recognition<Schema>,
  limits: Limits,
): Promise<Recognised<BodyOf<Schema>>> {
  const { group } = delivery;
  const decode = decodersOf?.(delivery.text) ?? [];
  const plain = decode.length === 0 ? parsePlainJson(delivery.text) : undefined;
  const { json, attributes } =
    plain === undefined
      ? await decoded(delivery, decode, limits)
      : { ...plain, attributes: delivery.attributes };
  const validated = schema['~standard'].validate(json);
  const result = validated instanceof Promise ? await inTime(validated, limits) : validated;
  const refusal = result.issues && (await import('./unusual.js')).refused(result.issues);
  // What the schema refuses is of another type than the selectors expect: they may throw, and then it has no
  // identity.
  const body = (refusal === undefined ? (result as { value: unknown }).value : json) as BodyOf<Schema>;
  const source = deepFreeze({ body, attributes, group });
  try {
    const { id, key } = identify(source, delivery);
    // Of what was sent, not of what the schema made of it: a new default in the schema must not turn a copy into a
    // stranger.
    const print = fingerprintOf(fingerprint === undefined ? await meant(json) : letGo(fingerprint(body)));
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

/**
 * Decoders and a schema get a quarter of the time that is left each: the neighbours of their message need the rest.
 */
const readingPart = 0.25;

function signalFor({ deadline }: Limits): AbortSignal {
  return AbortSignal.timeout(timerMs((deadline - Date.now()) * readingPart));
}

async function inTime<T>(work: Promise<T>, limits: Limits): Promise<T> {
  const signal = signalFor(limits);
  const { SchemaOutOfTime } = await import('./unusual.js');
  return unlessAborted(work, signal, () => new SchemaOutOfTime());
}

async function decoded({ text, attributes }: Delivery, decoders: readonly Decode[], limits: Limits) {
  // Loaded by those that need it, as is the exact parser by a body that may hold a number of many digits.
  const { decodeBody } = await import('./decode/decode-body.js');
  return decodeBody(text, attributes, decoders, signalFor(limits));
}
