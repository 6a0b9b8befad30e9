import type { StandardSchemaV1 } from '@standard-schema/spec';
import { InexactNumber } from '../dedup/errors.js';
import { parseJson as parseExactly } from '../dedup/exact-json.js';
import { issuesOf } from './issues.js';
import type { Refusal } from './problem.js';

/** JSON nested deeper than this is not taken for JSON: walking it would take the function down with it. */
export const maxDepth = 100;

/** The JSON of a body, or what keeps it from being any. */
export type Json = { readonly json: unknown } | { readonly problem: string };

/**
 * The body as JSON, of which no number is rounded: integers beyond 2^53 are `bigint` (R52). Nothing, of a request
 * without a body, is `undefined`. A byte order mark is skipped.
 */
export function parseJson(body: Uint8Array): Json {
  if (body.byteLength === 0) return { json: undefined };
  try {
    return { json: parseExactly(new TextDecoder('utf-8', { fatal: true }).decode(body), maxDepth) };
  } catch (error) {
    if (error instanceof InexactNumber) return { problem: error.message };
    return { problem: `the body must be JSON in UTF-8, nested at most ${maxDepth} levels deep` };
  }
}

/** The value that a schema made of a body, or why the body is refused. */
export type Validated<Body> = { readonly body: Body } | { readonly refusal: Refusal };

/** Reads the body with a Standard Schema. The reasons name paths and rules, not values, and are bounded. */
export async function validate<Schema extends StandardSchemaV1>(
  read: Json,
  schema: Schema,
): Promise<Validated<StandardSchemaV1.InferOutput<Schema>>> {
  if ('problem' in read) return { refusal: { kind: 'body-invalid', parts: { detail: read.problem } } };
  const result = await schema['~standard'].validate(read.json);
  if (result.issues === undefined) return { body: result.value as StandardSchemaV1.InferOutput<Schema> };
  return {
    refusal: { kind: 'body-invalid', parts: issuesOf(result.issues), issues: result.issues.length },
  };
}
