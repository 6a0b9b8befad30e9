import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { compareValues, equalValues, type Item } from './attribute-values.js';
import { Tokens } from './expression-tokens.js';
import type { Placeholders } from './placeholders.js';

type Test = (item: Item | undefined, given: Placeholders) => boolean;
type Operand = (item: Item | undefined, given: Placeholders) => AttributeValue | undefined;

const parsed = new Map<string, Test>();

/**
 * Whether a condition holds on an item. Understands comparisons, the two existence functions, AND, OR, NOT and
 * parentheses.
 */
export function holds(expression: string, item: Item | undefined, given: Placeholders): boolean {
  let test = parsed.get(expression);
  if (test === undefined) {
    const tokens = new Tokens(expression);
    test = either(tokens);
    if (!tokens.done) throw tokens.syntaxError();
    parsed.set(expression, test);
  }
  return test(item, given);
}

function either(tokens: Tokens): Test {
  const first = both(tokens);
  if (!tokens.takeIf('OR')) return first;
  const second = either(tokens);
  return (item, given) => first(item, given) || second(item, given);
}

function both(tokens: Tokens): Test {
  const first = negated(tokens);
  if (!tokens.takeIf('AND')) return first;
  const second = both(tokens);
  return (item, given) => first(item, given) && second(item, given);
}

function negated(tokens: Tokens): Test {
  if (!tokens.takeIf('NOT')) return single(tokens);
  const test = negated(tokens);
  return (item, given) => !test(item, given);
}

function single(tokens: Tokens): Test {
  if (tokens.takeIf('(')) {
    const inner = either(tokens);
    tokens.expect(')');
    return inner;
  }
  for (const [name, wanted] of [
    ['ATTRIBUTE_EXISTS', true],
    ['ATTRIBUTE_NOT_EXISTS', false],
  ] as const)
    if (tokens.takeIf(name)) {
      tokens.expect('(');
      const path = operand(tokens);
      tokens.expect(')');
      return (item, given) => (path(item, given) !== undefined) === wanted;
    }
  return comparison(tokens);
}

function comparison(tokens: Tokens): Test {
  const left = operand(tokens);
  const operator = tokens.take();
  const right = operand(tokens);
  const compare = comparisons[operator];
  if (compare === undefined) throw tokens.syntaxError();
  return (item, given) => {
    const [a, b] = [left(item, given), right(item, given)];
    // A missing attribute differs from everything, and has no other relation to anything.
    return a === undefined || b === undefined ? operator === '<>' : compare(a, b);
  };
}

const ordered =
  (test: (order: number) => boolean) =>
  (a: AttributeValue, b: AttributeValue): boolean => {
    const order = compareValues(a, b);
    return order !== undefined && test(order);
  };
const comparisons: Record<string, ((a: AttributeValue, b: AttributeValue) => boolean) | undefined> = {
  '=': equalValues,
  '<>': (a, b) => !equalValues(a, b),
  '<': ordered((order) => order < 0),
  '<=': ordered((order) => order <= 0),
  '>': ordered((order) => order > 0),
  '>=': ordered((order) => order >= 0),
};

function operand(tokens: Tokens): Operand {
  const token = tokens.take();
  if (token.startsWith(':')) return (_, given) => given.value(token);
  return (item, given) => {
    const name = given.name(token);
    return item?.[name];
  };
}
