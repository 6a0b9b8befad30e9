/** How sure a finding is. The values are severities of a CDK validation report: `error` fails the synth. */
export enum FindingLevel {
  /** Messages are lost or act twice with these settings, or AWS refuses them. */
  BROKEN = 'error',
  /** It depends on what the program does, and usually goes wrong. */
  RISK = 'warning',
  /** Nothing in the templates tells. Somebody has to look. */
  UNKNOWN = 'info',
}

/** What the prover says of one resource. */
export interface Finding {
  /** Stable id of the rule; docs/prover.md lists them. */
  readonly rule: string;
  readonly level: FindingLevel;
  /** Path of the construct, or stack and logical id where the template has none. */
  readonly path: string;
  /** The property that it is about, such as `Properties/VisibilityTimeout`. */
  readonly location: string;
  /** What is set, such as `visibility timeout is 30 seconds`. */
  readonly value: string;
  /** What is allowed, such as `at least 3 minutes`. */
  readonly allowed: string;
  /** What happens otherwise. */
  readonly prevents: string;
  /** What to change, or what to look at. */
  readonly change: string;
  /** The page of AWS that the rule comes from. */
  readonly page: string;
}
