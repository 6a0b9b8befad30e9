import type { Change } from './change.js';

const lineFeed = 0x0a;

/** A line of each change. Values that came are copied as they are; one with a line break is written anew without. */
export function linesOf(changes: readonly Change[], line?: (change: Change) => string): Uint8Array {
  if (line !== undefined && changes.length > 0) return Buffer.from(`${changes.map(line).join('\n')}\n`);
  const parts = changes.map(({ record: { value } }) => oneLine(value ?? new Uint8Array()));
  const bytes = Buffer.allocUnsafe(parts.reduce((sum, { byteLength }) => sum + byteLength + 1, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
    bytes[at] = lineFeed;
    at += 1;
  }
  return bytes;
}

/** Within JSON a line break is white space: in a string it would be escaped. */
function oneLine(value: Uint8Array): Uint8Array {
  return value.includes(lineFeed) ? value.map((byte) => (byte === lineFeed ? 0x20 : byte)) : value;
}
