import type { Decode } from '../../consumer/decode/decode.js';

/**
 * Base64 of a body, as some frameworks send each message. Line breaks and the URL-safe alphabet are allowed. Makes
 * bytes: of a JSON text, or of what the next decoder takes. Text that is no base64, as any JSON object is, is given
 * on as it is.
 */
export function base64(): Decode {
  return (text) => bytesOfBase64(text) ?? text;
}

/** Undefined when the text is no base64. */
export function bytesOfBase64(text: string): Uint8Array | undefined {
  const digits = text.replaceAll(/[\r\n]/g, '').trim();
  if (digits === '' || !/^[\w+/-]+={0,2}$/.test(digits)) return undefined;
  const padding = digits.indexOf('=');
  const significant = padding < 0 ? digits.length : padding;
  const whole = padding < 0 ? significant % 4 !== 1 : digits.length % 4 === 0;
  return whole ? Buffer.from(digits, 'base64') : undefined;
}
