import { promisify } from 'node:util';
import { gunzip as gunzipAsync } from 'node:zlib';
import { RejectMessage } from '../../dedup/errors.js';
import { bytesOfBase64 } from './base64.js';
import type { Decode } from '../../consumer/decode/decode.js';
import { defaultMaxBytes, TooLargeToDecode } from './too-large.js';

export interface GunzipOptions {
  /** What it may become, in bytes. A megabyte of zeros is a kilobyte of gzip. @default 16 MiB */
  readonly maxBytes?: number;
}

/**
 * A gzipped body: the bytes that the decoder before made, or their base64. What is not gzipped is given on as it is.
 *
 * @throws TooLargeToDecode when it becomes more than allowed, before that is held in memory.
 */
export function gunzip({ maxBytes = defaultMaxBytes }: GunzipOptions = {}): Decode {
  return async (text, { bytes }) => {
    const packed = bytes ?? (text.startsWith(magicInBase64) ? bytesOfBase64(text) : undefined);
    if (packed?.[0] !== 0x1f || packed[1] !== 0x8b) return bytes ?? text;
    try {
      return await promisify(gunzipAsync)(packed, { maxOutputLength: maxBytes });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
        throw new TooLargeToDecode(maxBytes);
      throw new RejectMessage('the body is gzip that is broken or cut off');
    }
  };
}

/** The first bytes of every gzip file (RFC 1952: 1f 8b, deflate). */
const magicInBase64 = 'H4sI';
