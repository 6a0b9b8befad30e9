import { isJsonObject, JsonNumber, type Json, type JsonObject } from './json-text.js';

/** Whether a leaf of the message (undefined: there is none) satisfies the rule. */
export type Rule = (value: Json | undefined) => boolean;

/**
 * The list at a leaf of a filter pattern: values and comparison operators, any of which is enough.
 *
 * @throws SyntaxError for an operator that Lambda's page does not know
 */
export function compileRules(alternatives: readonly Json[]): Rule {
  if (alternatives.length === 0) throw new SyntaxError('a rule is an empty list');
  const rules = alternatives.map((alternative): Rule => {
    if (isJsonObject(alternative)) return compileOperator(alternative);
    if (Array.isArray(alternative)) throw new SyntaxError('a rule is a list in a list');
    return (value) => sameValue(value, alternative);
  });
  return (value) => rules.some((rule) => rule(value));
}

/** Numbers by how they are written: "300, 300.0, and 3.0e2 are not considered equal". */
function sameValue(value: Json | undefined, expected: Json): boolean {
  if (value instanceof JsonNumber && expected instanceof JsonNumber) return value.text === expected.text;
  return value === expected;
}

const operators: Record<string, (operand: Json) => Rule> = {
  prefix: (operand) => {
    const { text, fold } = affix('prefix', operand);
    return onText((value) => fold(value).startsWith(text));
  },
  suffix: (operand) => {
    const { text, fold } = affix('suffix', operand);
    return onText((value) => fold(value).endsWith(text));
  },
  'equals-ignore-case': (operand) => {
    const text = expectText('equals-ignore-case', operand).toLowerCase();
    return onText((value) => value.toLowerCase() === text);
  },
  wildcard: (operand) => {
    const expression = wildcardExpression(expectText('wildcard', operand));
    return onText((value) => expression.test(value));
  },
  'anything-but': (operand) => {
    const excluded: readonly Json[] = Array.isArray(operand) ? (operand as readonly Json[]) : [operand];
    if (excluded.some((value) => typeof value === 'object' && !(value instanceof JsonNumber))) {
      throw new SyntaxError('"anything-but" takes strings and numbers');
    }
    return (value) => value !== undefined && !excluded.some((one) => sameValue(value, one));
  },
  numeric: (operand) => {
    const comparisons = numericComparisons(operand);
    return (value) =>
      value instanceof JsonNumber && comparisons.every((compare) => compare(Number(value.text)));
  },
  exists: (operand) => {
    if (typeof operand !== 'boolean') throw new SyntaxError('"exists" takes true or false');
    return (value) => (value !== undefined) === operand;
  },
};

function compileOperator(rule: JsonObject): Rule {
  const entries = Object.entries(rule);
  const [name, operand] = entries[0] ?? [];
  const operator = name !== undefined && Object.hasOwn(operators, name) ? operators[name] : undefined;
  if (entries.length !== 1 || operator === undefined || operand === undefined) {
    throw new SyntaxError(
      `a rule has the operators ${entries.map(([key]) => `"${key}"`).join(', ')}, one of ${Object.keys(operators).join(', ')} is allowed`,
    );
  }
  return operator(operand);
}

function onText(test: (value: string) => boolean): Rule {
  return (value) => typeof value === 'string' && test(value);
}

/** The operand of prefix and suffix: a text, or `{ "equals-ignore-case": text }`. */
function affix(operator: string, operand: Json): { text: string; fold: (value: string) => string } {
  if (isJsonObject(operand)) {
    const text = expectText(operator, operand['equals-ignore-case'] ?? null);
    return { text: text.toLowerCase(), fold: (value) => value.toLowerCase() };
  }
  return { text: expectText(operator, operand), fold: (value) => value };
}

function expectText(operator: string, operand: Json): string {
  if (typeof operand !== 'string') throw new SyntaxError(`"${operator}" takes a string`);
  return operand;
}

/** `*` is any run of characters; a backslash takes the next `*` or backslash as itself. */
function wildcardExpression(pattern: string): RegExp {
  const source = pattern.replace(/\\([*\\])|\*|[^*]/gsu, (part, escaped: string | undefined) =>
    part === '*' ? '.*' : (escaped ?? part).replace(/[\\^$.*+?()[\]{}|/]/u, '\\$&'),
  );
  return new RegExp(`^${source}$`, 'su');
}

const comparators: Record<string, (left: number, right: number) => boolean> = {
  '=': (left, right) => left === right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
};

function numericComparisons(operand: Json): ((value: number) => boolean)[] {
  const parts: readonly Json[] = Array.isArray(operand) ? (operand as readonly Json[]) : [];
  const comparisons: ((value: number) => boolean)[] = [];
  for (let index = 0; index < parts.length; index += 2) {
    const sign = parts[index];
    const limit = parts[index + 1];
    const compare = typeof sign === 'string' ? comparators[sign] : undefined;
    if (compare === undefined || !(limit instanceof JsonNumber)) break;
    comparisons.push((value) => compare(value, Number(limit.text)));
  }
  if (comparisons.length === 0 || comparisons.length * 2 !== parts.length) {
    throw new SyntaxError('"numeric" takes pairs of a comparison (=, <, <=, >, >=) and a number');
  }
  return comparisons;
}
