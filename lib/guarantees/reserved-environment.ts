import type { Violation } from './invalid-props.js';

/** Variables that a function may not be given, because the construct sets its own under such names. */
export function environmentViolations(environment: Readonly<Record<string, string>>): Violation[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith('EXACTLY_ONCE_'))
    .map((name) => ({
      id: 'environment-reserved',
      given: `environment has '${name}'`,
      allowed: 'free of names that begin with EXACTLY_ONCE_',
      change: 'rename the variable; the construct sets its own from the other props',
    }));
}
