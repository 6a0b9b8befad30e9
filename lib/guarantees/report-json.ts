import type { GuaranteeClaims } from './guarantee-claims.js';

/**
 * What is claimed of an app, for programs: a pipeline that compares two syntheses, or an inventory. The same data as
 * `GUARANTEES.md`. `format` changes when a field goes or means something else, not when one is added.
 */
export function guaranteesJson(claims: GuaranteeClaims): string {
  return `${JSON.stringify({ format: 1, ...claims }, undefined, 2)}\n`;
}
