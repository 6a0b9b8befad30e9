import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { addNumbers, type Item } from './attribute-values.js';
import { validation } from './dynamo-errors.js';
import { Tokens } from './expression-tokens.js';
import type { Placeholders } from './placeholders.js';

type Change = (item: Record<string, AttributeValue>, given: Placeholders) => void;

const parsed = new Map<string, Change>();
const verbs = ['SET', 'ADD', 'REMOVE'];

/** The item after an update. Understands `SET name = :value`, `ADD name :number` and `REMOVE name`. */
export function updated(
  expression: string,
  key: Item,
  item: Item | undefined,
  given: Placeholders,
): Record<string, AttributeValue> {
  let change = parsed.get(expression);
  if (change === undefined) parsed.set(expression, (change = parse(new Tokens(expression))));
  const after = { ...key, ...item };
  change(after, given);
  return after;
}

function parse(tokens: Tokens): Change {
  const changes: Change[] = [];
  while (!tokens.done) {
    const verb = tokens.take().toUpperCase();
    if (!verbs.includes(verb)) throw tokens.syntaxError();
    do changes.push(clause(verb, tokens));
    while (tokens.takeIf(','));
  }
  return (item, given) => {
    for (const change of changes) change(item, given);
  };
}

function clause(verb: string, tokens: Tokens): Change {
  const path = tokens.take();
  if (verb === 'REMOVE')
    return (item, given) => {
      Reflect.deleteProperty(item, given.name(path));
    };
  if (verb === 'SET') tokens.expect('=');
  const operand = tokens.take();
  if (verb === 'SET')
    return (item, given) => {
      item[given.name(path)] = given.value(operand);
    };
  return (item, given) => {
    const before = item[given.name(path)] ?? { N: '0' };
    const by = given.value(operand);
    if (before.N === undefined || by.N === undefined)
      throw validation('An operand in the update expression has an incorrect data type');
    item[given.name(path)] = { N: addNumbers(before.N, by.N) };
  };
}
