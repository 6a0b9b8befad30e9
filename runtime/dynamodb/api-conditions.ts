import type { Condition } from './condition.js';

/** The conditions of API keys. Apart from the others, because another run kills them: test/api/window.test.ts. */
export const apiConditions = {
  /**
   * No receipt, or one whose window is over: for API keys, the only receipts that look at the clock (R7). DynamoDB
   * deletes expired rows days later, so absence alone would make the window as long as its delay.
   */
  receiptAbsentOrExpired: 'attribute_not_exists(#id) OR #expiration < :now',
};

/** @param now epoch seconds. */
export function receiptAbsentOrExpired(now: number): Condition {
  return {
    expression: apiConditions.receiptAbsentOrExpired,
    names: { '#id': 'id', '#expiration': 'expiration' },
    values: { ':now': { N: String(now) } },
  };
}
