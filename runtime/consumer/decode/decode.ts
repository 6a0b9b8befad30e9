import { DependencyFailed, IgnoreMessage, RejectMessage } from '../../dedup/errors.js';
import { exactJsonText, parseJson } from '../../dedup/exact-json.js';

/** String attributes of a message, by name. */
export type Attributes = Readonly<Record<string, string>>;

export interface DecodeContext {
  /** The message's own string attributes, and what earlier decoders have found in envelopes. */
  readonly attributes: Attributes;
  /**
   * Fires when a quarter of the time that the invocation had left is over. The message then comes again, without counting as failed:
   * its neighbours need the rest of the time.
   */
  readonly signal: AbortSignal;
  /** What the decoder before made, if that was bytes. The text is then what it reads as in UTF-8. */
  readonly bytes: Uint8Array | undefined;
}

/**
 * What a decoder makes: text, the bytes of text, JSON that is parsed already, any of these with attributes ({@link decoded}), or that
 * the message is to be ignored.
 */
export type DecodeResult =
  string | Uint8Array | Decoded | IgnoreMessage | Readonly<Record<string, unknown>> | readonly unknown[];

/**
 * Takes one coat off a body: an envelope, an encoding, a pointer to where the body is. Runs before the schema, the key and the
 * fingerprint, so that these are of what was meant, and runs again with each delivery. A text that does not wear the coat should be
 * given on as it is: the dead letter of an event that had been parked holds what was meant.
 *
 * A throw of RejectMessage: the message goes to the dead-letter queue, as it came. {@link DependencyFailed}: it comes again, and that
 * is no failure of its own. {@link IgnoreMessage}, thrown or returned: it is acknowledged and nothing else. Anything else: try again.
 */
export type Decode = (text: string, context: DecodeContext) => DecodeResult | Promise<DecodeResult>;

/** What there is to be read: one of the three. */
export type Content = { readonly text: string } | { readonly bytes: Uint8Array } | { readonly json: unknown };

/** A decoder's result with attributes. Make it with {@link decoded}. */
export class Decoded {
  constructor(
    readonly content: Content,
    readonly attributes: Attributes = {},
  ) {}
}

/**
 * The result of a decoder that also found attributes in the envelope. They are added to those of the message, and replace them where
 * they have one name.
 */
export function decoded(content: Content, attributes?: Attributes): Decoded {
  return new Decoded(content, attributes);
}

/** Several decoders as one, the outermost coat first. */
export function inTurn(...decoders: readonly Decode[]): Decode {
  return async (text, context) => {
    let content: Content = context.bytes === undefined ? { text } : { bytes: context.bytes };
    let { attributes } = context;
    for (const decode of decoders) {
      const bytes = 'bytes' in content ? content.bytes : undefined;
      const result = asDecoded(await decode(textOf(content), { ...context, attributes, bytes }));
      content = result.content;
      attributes = { ...attributes, ...result.attributes };
    }
    return new Decoded(content, attributes);
  };
}

/** A body as JSON, decoded. */
export async function decodeBody(
  text: string,
  attributes: Attributes,
  decoders: readonly Decode[],
  signal: AbortSignal,
): Promise<{ readonly json: unknown; readonly attributes: Attributes }> {
  const work = inTurn(...decoders)(text, { attributes, signal, bytes: undefined });
  const { content, attributes: found } = asDecoded(await unlessAborted(work, signal));
  return { json: 'json' in content ? content.json : parseJson(strictTextOf(content)), attributes: found };
}

/** @throws IgnoreMessage which says so to whoever settles the message. */
function asDecoded(result: DecodeResult): Decoded {
  if (result instanceof Decoded) return result;
  if (result instanceof IgnoreMessage) throw result;
  if (typeof result === 'string') return new Decoded({ text: result });
  if (result instanceof Uint8Array) return new Decoded({ bytes: result });
  if (Object(result) !== result)
    throw new TypeError(
      `a decoder returned ${typeof result}, and must return text, bytes, a JSON object, decoded() or ignore()`,
    );
  return new Decoded({ json: result });
}

function textOf(content: Content): string {
  if ('text' in content) return content.text;
  return 'bytes' in content ? new TextDecoder().decode(content.bytes) : exactJsonText(content.json);
}

function strictTextOf(content: Exclude<Content, { json: unknown }>): string {
  if ('text' in content) return content.text;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content.bytes);
  } catch {
    throw new RejectMessage('body is no text in UTF-8 once it is decoded; look for a missing decoder');
  }
}

/** A decoder that does not heed its signal holds up nobody else. */
async function unlessAborted<T>(work: T | Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () =>
      reject(
        new DependencyFailed('the body was not decoded in time; it comes again', { cause: signal.reason }),
      );
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
