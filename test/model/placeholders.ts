import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { validation } from './dynamo-errors.js';

/** What `#name` and `:value` stand for in the expressions of one request. DynamoDB refuses unknown ones, and ones it did not need. */
export class Placeholders {
  readonly #used = new Set<string>();

  constructor(
    private readonly names: Readonly<Record<string, string>> = {},
    private readonly values: Readonly<Record<string, AttributeValue>> = {},
  ) {}

  name(token: string): string {
    if (!token.startsWith('#')) return token;
    this.#used.add(token);
    const name = this.names[token];
    if (name === undefined)
      throw validation(`An expression attribute name used in the document path is not defined: ${token}`);
    return name;
  }

  value(token: string): AttributeValue {
    this.#used.add(token);
    const value = this.values[token];
    if (value === undefined)
      throw validation(`An expression attribute value used in expression is not defined: ${token}`);
    return value;
  }

  /** To be called when every expression of the request has been looked at. */
  assertAllUsed(): void {
    const unused = [...Object.keys(this.names), ...Object.keys(this.values)].filter(
      (token) => !this.#used.has(token),
    );
    if (unused.length > 0) throw validation(`Value provided but unused in expressions: ${unused.join(', ')}`);
  }
}
