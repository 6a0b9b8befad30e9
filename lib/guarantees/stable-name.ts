import { Token } from 'aws-cdk-lib';
import type { Violation } from './invalid-props.js';

const pattern = /^[A-Za-z0-9_.-]{1,64}$/;

/**
 * What is wrong with a name that rows are found by for as long as they are kept: 1 to 64 of `A-Z a-z 0-9 _ . -`,
 * known at synth. One violation, or none.
 *
 * @param what which rows those are, such as `receipts are found by it`
 */
export function nameViolations(id: string, prop: string, name: unknown, what: string): Violation[] {
  const token = Token.isUnresolved(name);
  // A pattern alone takes `undefined` for the word.
  if (!token && typeof name === 'string' && pattern.test(name)) return [];
  const text = typeof name === 'string' ? `'${name}'` : String(name);
  return [
    {
      id,
      given: token ? `${prop} is a token` : `${prop} is ${text}`,
      allowed: token ? 'a plain string' : '1 to 64 of A-Z a-z 0-9 _ . -',
      change: `choose a fixed \`${prop}\`: ${what}`,
    },
  ];
}
