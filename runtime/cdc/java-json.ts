import { parseJson } from '../dedup/exact-json.js';
import { InexactNumber } from '../dedup/trouble-errors.js';

/**
 * A double as `Double.toString` writes it from 10^7 on. Java before 19 writes some of them with a digit more than
 * they need. A decimal is told from it by its plus: Java writes `1.5E+16`.
 */
const javaDouble = /^-?\d\.\d{1,17}E\d{1,3}$/;

type SourceReviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown;

/**
 * JSON that Debezium has written, as a value of which no number is rounded: `parseJson`, and doubles are the ones
 * that Java had, also where it has written more of their digits than are needed.
 *
 * @throws what `parseJson` throws
 */
export function parseJavaJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof InexactNumber)) throw error;
    const revive: SourceReviver = (_key, value, { source = '' } = {}) =>
      typeof value !== 'number' || (javaDouble.test(source) && Number.isFinite(value))
        ? value
        : parseJson(source);
    return JSON.parse(text.replace(/^\uFEFF/, ''), revive);
  }
}
