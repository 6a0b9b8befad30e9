import type { Condition } from './condition.js';

/**
 * The condition of events that are parked in rows of their own. Apart from the others, because another run kills it.
 */
export const earlyConditions = {
  /**
   * Nothing is kept of this version; what was, and is done with, may be replaced. Two payloads of one version never
   * are.
   */
  earlyAbsent: 'attribute_not_exists(#carried)',
};

export function earlyAbsent(): Condition {
  return { expression: earlyConditions.earlyAbsent, names: { '#carried': 'carried' } };
}
