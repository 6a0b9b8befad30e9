import { DependencyFailed, IgnoreMessage, RejectMessage } from '../../dedup/errors.js';
import { exactJsonText, parseJson } from '../../dedup/exact-json.js';
import { unlessAborted } from '../../dedup/unless-aborted.js';
import {
  Decoded,
  type Attributes,
  type Content,
  type Decode,
  type DecodeContext,
  type DecodeResult,
} from './decode.js';

/** A body as JSON, once the decoders have run in turn: the outermost coat comes off first. */
export async function decodeBody(
  text: string,
  attributes: Attributes,
  decoders: readonly Decode[],
  signal: AbortSignal,
): Promise<{ readonly json: unknown; readonly attributes: Attributes }> {
  const work = inTurn(decoders, text, { attributes, signal, bytes: undefined });
  // A decoder need not heed its signal.
  const { content, attributes: found } = await unlessAborted(
    work,
    signal,
    () => new DependencyFailed('the body was not decoded in time; it comes again', { cause: signal.reason }),
  );
  return { json: 'json' in content ? content.json : parseJson(strictTextOf(content)), attributes: found };
}

async function inTurn(decoders: readonly Decode[], text: string, context: DecodeContext): Promise<Decoded> {
  let content: Content = { text };
  let { attributes } = context;
  for (const decode of decoders) {
    const bytes = 'bytes' in content ? content.bytes : undefined;
    const result = asDecoded(await decode(textOf(content), { ...context, attributes, bytes }));
    content = result.content;
    attributes = { ...attributes, ...result.attributes };
  }
  return new Decoded(content, attributes);
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
