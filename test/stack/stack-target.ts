import type { TargetOptions } from '../../targets/index.js';
import type { TargetKind } from '../../targets/kind.js';

/** How the target gets from `npm run test:stack` to jest. Not set: the embedded target. */
export const stackTargetVariable = 'EXACTLY_ONCE_STACK_TARGET';

export interface StackTarget extends TargetOptions {
  /** What answers there: known before the tests are defined. */
  readonly kind: TargetKind;
}

export function stackTarget(): StackTarget {
  const text = process.env[stackTargetVariable];
  return text === undefined
    ? { target: 'embedded', yes: false, kind: 'embedded' }
    : (JSON.parse(text) as StackTarget);
}

export function stackKind(): TargetKind {
  return stackTarget().kind;
}

/** For what the suite costs on AWS. */
export const suiteMessages = 200;
