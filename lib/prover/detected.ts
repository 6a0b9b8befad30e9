import type { Inequality } from '../guarantees/inequality.js';
import type { Finding, FindingLevel } from './finding.js';
import { rules, type Rule, type RuleId } from './rules.js';
import type { TemplateResource } from './template-resource.js';

/** What a rule has found of one resource: a finding without what is the same for all of the rule. */
export interface Detected extends Pick<Finding, 'value' | 'allowed' | 'prevents' | 'change'> {
  readonly rule: RuleId;
  readonly at: TemplateResource;
  /** @default - that of the rule */
  readonly level?: FindingLevel;
  /** @default - that of the rule */
  readonly location?: string;
}

export function findingOf({ rule, at, level, location, ...said }: Detected): Finding {
  const about: Rule = rules[rule];
  return {
    rule,
    level: level ?? about.level,
    path: at.path,
    location: location ?? about.location,
    page: about.page,
    ...said,
  };
}

/** An inequality of the constructs that a template breaks, with what its author can change. */
export function broken(
  at: TemplateResource,
  inequality: Inequality | undefined,
  change: string,
): Detected | undefined {
  if (inequality === undefined || inequality.holds) return undefined;
  const { id, left, right, prevents } = inequality;
  if (!isRule(id)) throw new Error(`the prover has no rule '${id}'`);
  return { rule: id, at, value: left, allowed: right, prevents, change };
}

function isRule(id: string): id is RuleId {
  return id in rules;
}
