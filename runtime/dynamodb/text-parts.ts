/** UTF-16 units in one part: at three bytes each they stay below the 400 KB of an item. */
const partLength = 130_000;

/** A text in parts that each fit into an item. Never cut inside of a surrogate pair, which alone is no text. */
export function partsOf(text: string): string[] {
  const parts: string[] = [];
  for (let at = 0; at < text.length || parts.length === 0;) {
    let end = Math.min(text.length, at + partLength);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1;
    parts.push(text.slice(at, end));
    at = end;
  }
  return parts;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
