import { parseJson } from '../../dedup/exact-json.js';

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The text as a JSON object, if it may be an envelope: it holds one of the words that all of these hold. Others are
 * not parsed, because that would be done twice. What cannot be parsed is no envelope: it is refused where the body is
 * read.
 */
export function objectWith(text: string, ...words: readonly string[]): JsonObject | undefined {
  if (!words.some((word) => text.includes(word))) return undefined;
  try {
    return asObject(parseJson(text));
  } catch {
    return undefined;
  }
}

export function asObject(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as JsonObject)
    : undefined;
}

/** The members that are text. */
export function textsOf(object: JsonObject | undefined, ...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = object?.[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}
