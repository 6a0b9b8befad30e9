import type { Duration } from 'aws-cdk-lib';
import { isKnown } from './inequality.js';
import type { Violation } from './invalid-props.js';

/**
 * A duration that the template is made of, such as a threshold, and that is known at deployment only: of a token
 * nothing can be made.
 */
export function tokenDuration(
  prop: string,
  value: Duration | undefined,
  allowed = 'known at synth',
): Violation | undefined {
  if (value === undefined || isKnown(value)) return undefined;
  return {
    id: 'known-at-synth',
    given: `${prop} is a token`,
    allowed,
    change: `give \`${prop}\` as a plain Duration`,
  };
}
