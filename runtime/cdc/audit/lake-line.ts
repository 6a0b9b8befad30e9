import { exactJsonText, parseJson } from '../../dedup/exact-json.js';

/** A line of a lake, as Debezium writes it. */
export interface Line {
  readonly op: string;
  readonly before: Columns | null;
  readonly after: Columns | null;
}

export type Columns = Readonly<Record<string, unknown>>;

type SourceReviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown;

/** Without its schema, where the converter has put one around it. */
export function lineOf(text: string): Line {
  const value = exactly(text) as Line | { readonly payload: Line };
  return 'payload' in value ? value.payload : value;
}

/** A number with an exponent is a double of Java's, which may have written a digit too many; all else is kept. */
function exactly(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    const revive: SourceReviver = (_key, value, { source = '' } = {}) =>
      typeof value !== 'number' || source.includes('E') ? value : parseJson(source);
    return JSON.parse(text, revive);
  }
}

/** What Debezium 3.7 was seen to write of large values that an update left as they were, by type of column. */
const leftOut = new Set([
  '"__debezium_unavailable_value"',
  '"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="',
  '["__debezium_unavailable_value"]',
  '["X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="]',
  '["b68a35a7-17ad-35b3-af2a-ae46edb4545a"]',
  '[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]',
]);

/** Whether a value stands for one that did not come. */
export function isLeftOut(value: unknown): boolean {
  return (typeof value === 'string' || Array.isArray(value)) && leftOut.has(exactJsonText(value));
}
