import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Problem } from './problem.js';

/** JSON nested deeper than this is not taken for JSON: walking it would take the function down with it. */
export const maxDepth = 100;

/**
 * The body as JSON, or undefined when it is none that can be trusted: not UTF-8, not JSON, or nested beyond {@link
 * maxDepth}.
 */
export function parseJson(body: Uint8Array): { readonly json: unknown } | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body);
    return isDeep(text) ? undefined : { json: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

/** Counts brackets outside strings. Looks at text that may not be JSON; all it must not do is to underrate JSON. */
function isDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i];
    if (inString) {
      if (character === '\\') i += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (character === '}' || character === ']') depth -= 1;
  }
  return false;
}

/** The value that a schema made of a body, or what it found wrong. */
export type Validated<Body> =
  { readonly body: Body } | { readonly detail: string; readonly errors?: Problem['errors'] };

/** Reads the body with a Standard Schema. The reasons name paths and rules, not values. */
export async function validate<Schema extends StandardSchemaV1>(
  json: { readonly json: unknown } | undefined,
  schema: Schema,
): Promise<Validated<StandardSchemaV1.InferOutput<Schema>>> {
  if (json === undefined)
    return { detail: `the body must be JSON in UTF-8, nested at most ${maxDepth} levels deep` };
  const result = await schema['~standard'].validate(json.json);
  if (result.issues === undefined) return { body: result.value as StandardSchemaV1.InferOutput<Schema> };
  const errors = result.issues.map(({ message, path }) => ({ path: pointer(path), message }));
  return { detail: errors.map(({ path, message }) => `${path || 'body'}: ${message}`).join('; '), errors };
}

/** JSON pointer, RFC 6901. */
function pointer(path: StandardSchemaV1.Issue['path'] = []): string {
  return path
    .map((segment) => String(typeof segment === 'object' ? segment.key : segment))
    .map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}
