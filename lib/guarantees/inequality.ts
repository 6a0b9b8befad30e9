import { type Duration, Token } from 'aws-cdk-lib';
import { durationText } from './duration-text.js';
import type { Violation } from './invalid-props.js';

/** An inequality that a guarantee rests on, with the values of one construct filled in. */
export interface Inequality {
  /** Stable id; docs/guarantees.md explains each. */
  readonly id: string;
  /** The side that a prop sets, such as `batchSize is 10`. */
  readonly left: string;
  /** What it is held against, such as `at most 10`. */
  readonly right: string;
  readonly holds: boolean;
  /** What happens where it does not hold. */
  readonly prevents: string;
  /** The props to change where it does not hold. */
  readonly change: string;
}

/** An amount under the name that the reader of a message knows it by. */
export interface Amount {
  readonly name: string;
  readonly value: Duration | number;
}

type Explanation = Pick<Inequality, 'id' | 'prevents' | 'change'>;

/** `left >= right`, or undefined when a side is known only at deployment: a token. */
export function atLeast(about: Explanation, left: Amount, right: Amount): Inequality | undefined {
  if (!isKnown(left.value) || !isKnown(right.value)) return undefined;
  return {
    ...about,
    left: `${left.name} is ${text(left.value)}`,
    right: `at least ${text(right.value)} (${right.name})`,
    holds: amount(left.value) >= amount(right.value),
  };
}

/** `low <= left <= high` in whole numbers, or undefined when `left` is a token. */
export function wholeBetween(
  about: Explanation,
  left: Amount & { value: number },
  low: number,
  high: number,
): Inequality | undefined {
  if (Token.isUnresolved(left.value)) return undefined;
  return {
    ...about,
    left: `${left.name} is ${left.value}`,
    right: `a whole number from ${low} to ${high}`,
    holds: Number.isInteger(left.value) && low <= left.value && left.value <= high,
  };
}

export function isKnown(value: Duration | number): boolean {
  return typeof value === 'number' ? !Token.isUnresolved(value) : !value.isUnresolved();
}

/** The inequalities that do not hold, as violations of the props behind them. */
export function violationsOf(inequalities: readonly Inequality[]): Violation[] {
  return inequalities
    .filter(({ holds }) => !holds)
    .map(({ id, left, right, change }) => ({ id, given: left, allowed: right, change }));
}

function amount(value: Duration | number): number {
  return typeof value === 'number' ? value : value.toMilliseconds();
}

function text(value: Duration | number): string {
  return typeof value === 'number' ? String(value) : durationText(value);
}
