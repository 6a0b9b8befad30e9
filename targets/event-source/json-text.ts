/** A JSON number together with how it was written: filters compare 300 and 300.0 as different. */
export class JsonNumber {
  constructor(readonly text: string) {}
}

/** What `parseJson` returns: JSON with every number as a `JsonNumber`. */
export type Json = null | boolean | string | JsonNumber | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}

type SourceReviver = (key: string, value: unknown, context: { source?: string }) => unknown;

/** Undefined when the text is not JSON. */
export function parseJson(text: string): Json | undefined {
  // The third argument (the proposal "JSON.parse source text access", in Node since 21) is not in the types yet.
  const keepNumberText: SourceReviver = (_key, value, { source }) =>
    typeof value === 'number' ? new JsonNumber(source ?? String(value)) : value;
  try {
    return JSON.parse(text, keepNumberText as (key: string, value: unknown) => unknown) as Json;
  } catch {
    return undefined;
  }
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)
  );
}
