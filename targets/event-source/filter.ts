import { compileRules, type Rule } from './filter-rule.js';
import { isJsonObject, parseJson, type Json, type JsonObject } from './json-text.js';

/** Whether a message with this body (or a record of a stream, as JSON) goes to the function. */
export type Filter = (body: string) => boolean;

/**
 * The patterns of a mapping's FilterCriteria as one predicate: a body passes when any of them matches.
 *
 * AWS filters SQS messages on `body` alone: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html. A
 * body that is a JSON object (or list) is matched by a pattern that is an object, a plain string by a pattern that is
 * a list; any other pairing drops the message. The operators:
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax
 *
 * @throws SyntaxError saying what is wrong with a pattern
 */
export function compileFilter(patterns: readonly string[]): Filter {
  if (patterns.length === 0) return () => true;
  const compiled = patterns.map(compilePattern);
  return (body) => compiled.some((matches) => matches(body));
}

/**
 * The same for records of a DynamoDB stream, matched whole, as JSON: `eventName`, `dynamodb.Keys`,
 * `dynamodb.NewImage`. Lambda's page knows the key `dynamodb` only, DynamoDB's and the CDK's filter on `eventName`,
 * too.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.Lambda.Tutorial2.html
 *
 * @throws SyntaxError saying what is wrong with a pattern
 */
export function compileRecordFilter(patterns: readonly string[]): Filter {
  if (patterns.length === 0) return () => true;
  const compiled = patterns.map((text) => {
    const pattern = parseJson(text);
    if (!isJsonObject(pattern)) throw new SyntaxError(`filter pattern ${text} is not a JSON object`);
    return compileObject(pattern);
  });
  return (record) => {
    const value = parseJson(record);
    return compiled.some((matches) => matches(value));
  };
}

function compilePattern(text: string): Filter {
  const pattern = parseJson(text);
  if (!isJsonObject(pattern)) throw new SyntaxError(`filter pattern ${text} is not a JSON object`);
  const foreign = Object.keys(pattern).filter((key) => key !== 'body');
  if (foreign.length > 0) {
    throw new SyntaxError(
      `filter pattern ${text} filters on ${foreign.join(', ')}, SQS mappings allow "body" only`,
    );
  }
  const body = pattern['body'];
  if (body === undefined) return () => true;
  if (Array.isArray(body)) {
    const rules = compileRules(body);
    return (text) => !isStructured(parseJson(text)) && rules(text);
  }
  if (!isJsonObject(body))
    throw new SyntaxError(`"body" in filter pattern ${text} is neither an object nor a list`);
  const matches = compileObject(body);
  return (text) => {
    const value = parseJson(text);
    return isStructured(value) && matches(value);
  };
}

function isStructured(value: Json | undefined): value is Json {
  return isJsonObject(value) || Array.isArray(value);
}

type Matcher = (value: Json | undefined) => boolean;

/** All keys of the pattern must match. Through a list, one element that matches is enough. */
function compileObject(pattern: JsonObject): Matcher {
  const fields = Object.entries(pattern).map(([key, rule]): ((value: JsonObject) => boolean) => {
    if (key === '$or') {
      if (!Array.isArray(rule) || rule.length === 0) throw new SyntaxError('"$or" needs a list of patterns');
      const alternatives = (rule as readonly Json[]).map((alternative) => {
        if (!isJsonObject(alternative)) throw new SyntaxError('an alternative of "$or" is not an object');
        return compileObject(alternative);
      });
      return (value) => alternatives.some((matches) => matches(value));
    }
    if (Array.isArray(rule)) {
      const rules = compileRules(rule);
      return (value) => matchLeaf(rules, own(value, key));
    }
    if (!isJsonObject(rule)) throw new SyntaxError(`the rule of "${key}" is neither a list nor an object`);
    const nested = compileObject(rule);
    return (value) => nested(own(value, key));
  });
  const matches: Matcher = (value) => {
    if (Array.isArray(value)) return (value as readonly Json[]).some(matches);
    // An absent object still has absent leaves: { "exists": false } below it matches.
    const object = isJsonObject(value) ? value : {};
    return fields.every((field) => field(object));
  };
  return matches;
}

/** Every object of JavaScript has a `constructor` and the like, which no message sent. */
function own(value: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Rules see leaves only: an object counts as absent, a list matches when one of its leaves does. */
function matchLeaf(rules: Rule, value: Json | undefined): boolean {
  if (Array.isArray(value)) {
    const leaves = (value as readonly Json[]).filter((element) => !isStructured(element));
    return leaves.length === 0 ? rules(undefined) : leaves.some(rules);
  }
  return rules(isStructured(value) ? undefined : value);
}
