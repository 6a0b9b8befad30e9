import type { IgnoreMessage } from '../../dedup/errors.js';

/** String attributes of a message, by name. */
export type Attributes = Readonly<Record<string, string>>;

export interface DecodeContext {
  /** The message's own string attributes, and what earlier decoders have found in envelopes. */
  readonly attributes: Attributes;
  /**
   * Fires when a quarter of the time that the invocation had left is over. The message then comes again, without
   * counting as failed: its neighbours need the rest of the time.
   */
  readonly signal: AbortSignal;
  /** What the decoder before made, if that was bytes. The text is then what it reads as in UTF-8. */
  readonly bytes: Uint8Array | undefined;
}

/**
 * What a decoder makes: text, the bytes of text, JSON that is parsed already, any of these with attributes ({@link
 * decoded}), or that the message is to be ignored.
 */
export type DecodeResult =
  string | Uint8Array | Decoded | IgnoreMessage | Readonly<Record<string, unknown>> | readonly unknown[];

/**
 * Takes one coat off a body: an envelope, an encoding, a pointer to where the body is. Runs before the schema, the
 * key and the fingerprint, so that these are of what was meant, and runs again with each delivery. A text that does
 * not wear the coat should be given on as it is: the dead letter of an event that had been parked holds what was
 * meant.
 *
 * A throw of RejectMessage: the message goes to the dead-letter queue, as it came. DependencyFailed: it comes again,
 * and that is no failure of its own. IgnoreMessage, thrown or returned: it is acknowledged and nothing else. Anything
 * else: try again.
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
 * The result of a decoder that also found attributes in the envelope. They are added to those of the message, and
 * replace them where they have one name.
 */
export function decoded(content: Content, attributes?: Attributes): Decoded {
  return new Decoded(content, attributes);
}
