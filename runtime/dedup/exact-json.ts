import { RejectMessage, UnserialisableValue } from './error.js';
import { InexactNumber, TooDeep } from './trouble-errors.js';
import { maxDepth, mayBeInexact, opensMoreThan } from './plain-json.js';

/** Integers of more digits are refused. DynamoDB holds 38. */
const maxDigits = 1000;

/**
 * A JSON text as a value of which no number is rounded (R52). A leading byte order mark is skipped.
 *
 * An integer that a JavaScript number does not hold exactly becomes a `bigint`. All other numbers are numbers, and
 * denote the same decimal value as the text: `1.0`, `1e2` and `0.1` do.
 *
 * @param levels as many as a body may have, unless something was put around it
 * @throws InexactNumber for a fraction, or a number with an exponent, that a double does not hold
 *   (`0.12345678901234567890`, `1e400`).
 * @throws TooDeep beyond the levels.
 * @throws RejectMessage when the text is no JSON. None of the messages quotes the text, which may be personal data.
 */
export function parseJson(text: string, levels = maxDepth): unknown {
  const json = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (nestsDeeper(json, levels)) throw new TooDeep(levels);
  try {
    return mayBeInexact.test(json) ? parseExactly(json) : (JSON.parse(json) as unknown);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // Without the cause, which quotes the text.
    throw new RejectMessage('body is not JSON');
  }
}

/**
 * The JSON text of a value, with each `bigint` as an integer: {@link parseJson} makes the same value of it again.
 * Otherwise as `JSON.stringify`.
 *
 * @param check is shown every value, after its `toJSON`, and throws for one that is not to be written
 * @throws UnserialisableValue for undefined, a function or a symbol, which have no JSON text.
 */
export function exactJsonText(value: unknown, check?: (value: unknown, key: string) => void): string {
  const text = textOf(value, check);
  if (text === undefined) throw new UnserialisableValue('$', `${typeof value} is not a JSON value`);
  return text;
}

function textOf(value: unknown, check?: (value: unknown, key: string) => void): string | undefined {
  if (check !== undefined)
    return JSON.stringify(value, function (this: unknown, key: string, member: unknown) {
      check(member, key);
      return writeBigint.call(this, key, member);
    });
  // Programs give bigint a `toJSON` that makes text of it.
  if (!('toJSON' in BigInt.prototype))
    try {
      return JSON.stringify(value);
    } catch {
      // Most likely for a bigint. With the replacer it is several times slower.
    }
  return JSON.stringify(value, writeBigint);
}

/** Whether JSON nests deeper than so many levels. Of text that is no JSON it may say anything. */
export function nestsDeeper(text: string, levels: number): boolean {
  if (!opensMoreThan(text, levels)) return false;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 0x5c) i += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > levels) return true;
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
  return false;
}

/** The proposal "JSON.parse source text access" (V8 11.4, Node 21) is not in the types yet. */
type SourceReviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown;

/** Stands for a number that cannot be kept, until its place is known. */
const unfit = Symbol('unfit');

function parseExactly(text: string): unknown {
  let lost = 0;
  const revive: SourceReviver = (_key, value, context) => {
    if (typeof value !== 'number') return value;
    const exact = context?.source === undefined ? undefined : exactly(context.source, value);
    if (exact === undefined) lost += 1;
    return exact ?? unfit;
  };
  const value: unknown = JSON.parse(text, revive);
  if (lost > 0) throw new InexactNumber(placeOf(unfit, value, '$') ?? '$');
  return value;
}

/** Undefined when it cannot be kept. */
function exactly(source: string, value: number): number | bigint | undefined {
  if (!/^-?\d+$/.test(source))
    return Number.isFinite(value) && decimal(source) === decimal(String(value)) ? value : undefined;
  if (Number.isSafeInteger(value)) return value;
  if (source.length > maxDigits) return undefined;
  const integer = BigInt(source);
  // A number beyond 2^53 reads in two ways, by its shortest text and by its binary value. It is kept where both are
  // what was sent.
  return Number.isFinite(value) && BigInt(value) === integer && decimal(source) === decimal(String(value))
    ? value
    : integer;
}

/** The same text for all spellings of one decimal value. */
function decimal(source: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end -= 1;
  const scale = Number(exponent) - fraction.length + digits.length - end;
  return end === 0 ? '0' : `${sign}${digits.slice(0, end)}e${scale}`;
}

function placeOf(wanted: unknown, value: unknown, path: string): string | undefined {
  if (value === wanted) return path;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [name, member] of Object.entries(value)) {
    const found = placeOf(wanted, member, Array.isArray(value) ? `${path}[${name}]` : `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Not in the types yet either. */
const { rawJSON } = JSON as unknown as { rawJSON: (text: string) => object };

function writeBigint(this: unknown, key: string, value: unknown): unknown {
  // What was there before a `toJSON`.
  const own = (this as Record<string, unknown>)[key];
  return typeof own === 'bigint' ? rawJSON(String(own)) : value;
}
