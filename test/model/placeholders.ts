import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { validation } from './dynamo-errors.js';

/**
 * What `#name` and `:value` stand for in the expressions of one request. That each is given and used is looked at
 * before.
 */
export class Placeholders {
  constructor(
    private readonly names: Readonly<Record<string, string>> = {},
    private readonly values: Readonly<Record<string, AttributeValue>> = {},
  ) {}

  name(token: string): string {
    if (!token.startsWith('#')) return token;
    const name = this.names[token];
    if (name === undefined)
      throw validation(`An expression attribute name used in the document path is not defined: ${token}`);
    return name;
  }

  value(token: string): AttributeValue {
    const value = this.values[token];
    if (value === undefined)
      throw validation(`An expression attribute value used in expression is not defined: ${token}`);
    return value;
  }
}
