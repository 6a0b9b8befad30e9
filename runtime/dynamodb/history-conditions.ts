import type { Condition } from './condition.js';

/** The condition of histories. Apart from the others, because another run kills it: test/dynamodb/history.test.ts. */
export const historyConditions = {
  /** This start is not counted yet. On a random token of its own: sent again after a lost answer, it is still one. */
  startUncounted: 'attribute_not_exists(#start) OR #start <> :start',
};

/** @param start what {@link startAttribute} is set to by the same write. */
export function startUncounted(start: string): Condition {
  return {
    expression: historyConditions.startUncounted,
    names: { '#start': startAttribute },
    values: { ':start': { S: start } },
  };
}

/** Which start was counted last. */
export const startAttribute = 'start';
