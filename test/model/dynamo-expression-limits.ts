import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { validation } from './dynamo-errors.js';
import { itemBytes } from './dynamo-values.js';

const kinds = [
  'ConditionExpression',
  'UpdateExpression',
  'ProjectionExpression',
  'FilterExpression',
  'KeyConditionExpression',
] as const;

/** The expressions of one request or action, with what their placeholders stand for. */
export interface Expressions extends Partial<Record<(typeof kinds)[number], string>> {
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Record<string, AttributeValue>;
}

const maxExpressionBytes = 4 * 1024;
const maxPlaceholderBytes = 255;
const maxSubstitutionBytes = 2 * 1024 * 1024;

/**
 * An expression has at most 4 KB of text, and what its placeholders stand for 2 MB. Each placeholder that is given is
 * used, and each that is used is given.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-expression-parameters
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeNames.html
 * @throws ValidationException
 */
export function assertExpressions(request: Expressions): void {
  const { ExpressionAttributeNames: names, ExpressionAttributeValues: values } = request;
  const used = new Set<string>();
  for (const kind of kinds) {
    const expression = request[kind];
    if (expression === undefined) continue;
    const bytes = Buffer.byteLength(expression);
    if (bytes === 0) throw validation(`Invalid ${kind}: The expression can not be empty;`);
    if (bytes > maxExpressionBytes)
      throw validation(
        `Invalid ${kind}: Expression size has exceeded the maximum allowed size; expression size: ${bytes}`,
      );
    for (const placeholder of placeholdersOf(expression)) used.add(placeholder);
  }
  assertUsed('ExpressionAttributeNames', names, used);
  assertUsed('ExpressionAttributeValues', values, used);
  for (const placeholder of used)
    if (names?.[placeholder] === undefined && values?.[placeholder] === undefined)
      throw validation(
        `An expression attribute ${placeholder.startsWith('#') ? 'name used in the document path' : 'value used in expression'} is not defined; attribute: ${placeholder}`,
      );
  const substituted = Object.values(names ?? {}).join('').length + itemBytes(values ?? {});
  if (substituted > maxSubstitutionBytes)
    throw validation('The substitution variables of an expression exceed 2 MB');
}

const known = new Map<string, readonly string[]>();

/** The expressions of the runtime are few, and come again and again. */
function placeholdersOf(expression: string): readonly string[] {
  const found = known.get(expression) ?? expression.match(/[#:][A-Za-z0-9_]+/g) ?? [];
  known.set(expression, found);
  return found;
}

function assertUsed(kind: string, given: object | undefined, used: ReadonlySet<string>): void {
  if (given === undefined) return;
  const placeholders = Object.keys(given);
  if (placeholders.length === 0) throw validation(`${kind} must not be empty`);
  if (used.size === 0) throw validation(`${kind} can only be specified when using expressions`);
  const unused = placeholders.filter((placeholder) => !used.has(placeholder));
  if (unused.length > 0)
    throw validation(`Value provided in ${kind} unused in expressions: keys: {${unused.join(', ')}}`);
  if (placeholders.some((placeholder) => Buffer.byteLength(placeholder) > maxPlaceholderBytes))
    throw validation(`${kind} contains a key that is longer than ${maxPlaceholderBytes} bytes`);
}
