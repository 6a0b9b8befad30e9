/** One thing that is wrong with the props of a construct. */
export interface Violation {
  /** Stable id of the rule. */
  readonly id: string;
  /** What was given, such as `batchSize is 20`. */
  readonly given: string;
  /** What is allowed instead, such as `at most 10`. */
  readonly allowed: string;
  /** Which prop to change, and how. */
  readonly change: string;
}

/**
 * The props of a construct contradict each other or the guarantee that the construct states. Lists everything that is
 * wrong.
 *
 * Other languages see it as the exception of their jsii runtime, with the same message.
 *
 * @jsii ignore
 */
export class InvalidProps extends Error {
  public override readonly name = 'InvalidProps';

  constructor(
    /** Class of the construct, such as `IdempotentConsumer`. */
    public readonly constructClass: string,
    /** Path of the construct in the app. */
    public readonly constructPath: string,
    /** Everything that is wrong, in the order in which it was checked. */
    public readonly violations: readonly Violation[],
  ) {
    const lines = violations.map(
      ({ id, given, allowed, change }) => `\n  - ${given}, must be ${allowed}: ${change} [${id}]`,
    );
    super(`${constructClass} '${constructPath}' has invalid props:${lines.join('')}`);
  }
}
