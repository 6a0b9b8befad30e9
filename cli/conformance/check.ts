import type { Subject } from './subject.js';

/** One statement about an API with Idempotency-Keys. */
export interface Check {
  readonly id: string;
  /** Section of draft-ietf-httpapi-idempotency-key-header-07, or who else says so. */
  readonly section: string;
  readonly title: string;
  /** What is wrong; undefined when nothing is. `skipped` when the command was not told what the check needs. */
  readonly run: (subject: Subject) => Promise<string | undefined | { readonly skipped: string }>;
}

export interface CheckResult {
  readonly number: number;
  readonly id: string;
  readonly section: string;
  readonly title: string;
  readonly result: 'pass' | 'fail' | 'skip';
  readonly detail?: string;
}
