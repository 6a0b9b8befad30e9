import type { Refusal } from './problem.js';

/** The content of a body, or why it is not taken. */
export type Content = { readonly bytes: Uint8Array } | { readonly refusal: Refusal };

/** No option allows more, in bytes: what is decoded has to fit into the function, whatever a few bytes unfold to. */
export const mostBodyBytes = 32 * 1024 * 1024;

type Decode = (
  body: Uint8Array,
  options: { readonly maxOutputLength: number },
  done: (error: Error | null, bytes: Uint8Array) => void,
) => void;

const decoders = { gzip: 'gunzip', 'x-gzip': 'gunzip', deflate: 'inflate', br: 'brotliDecompress' } as const;
const known = new Map<string, (typeof decoders)[keyof typeof decoders]>(Object.entries(decoders));

/**
 * The content of a body, out of its Content-Encoding: gzip, deflate or br. It is never held in memory beyond the
 * limit.
 *
 * @param most bytes of the content
 */
export async function contentOf(
  body: Uint8Array,
  encoding: string | undefined,
  most: number,
): Promise<Content> {
  const name = encoding?.trim().toLowerCase() ?? '';
  const decoder = known.get(name);
  if (decoder === undefined && name !== '' && name !== 'identity')
    return refused(
      'encoding-unsupported',
      'send the body as it is, or in one of the encodings of Accept-Encoding',
      {
        'accept-encoding': 'gzip, deflate, br',
      },
    );
  if (body.byteLength > most) return tooLarge(most);
  if (decoder === undefined || body.byteLength === 0) return { bytes: body };
  const { [decoder]: decode } = (await import('node:zlib')) as Record<typeof decoder, Decode>;
  return new Promise((resolve) => {
    decode(body, { maxOutputLength: most }, (error, bytes) => {
      if (error === null) resolve({ bytes });
      else if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') resolve(tooLarge(most));
      else resolve(refused('body-invalid', `the body is not what its Content-Encoding says: ${name}`));
    });
  });
}

function tooLarge(most: number): Content {
  return refused('body-too-large', `the body may have ${most} bytes, after decoding`);
}

function refused(kind: Refusal['kind'], detail: string, headers?: Refusal['parts']['headers']): Content {
  return { refusal: { kind, parts: { detail, headers } } };
}
