import { CliError } from '../cli-error.js';
import type { Check, CheckResult } from './check.js';
import { keyChecks } from './key-checks.js';
import { replayChecks } from './replay-checks.js';
import { reuseChecks } from './reuse-checks.js';
import { isSuccess, quoted, type Subject } from './subject.js';

/**
 * All checks, in the order of their numbers. New ones are added at the end of their group only with a major version.
 */
export const checks: readonly Check[] = [...replayChecks, ...keyChecks, ...reuseChecks];

/**
 * Runs every check with keys of its own.
 *
 * @throws CliError when the API cannot be reached, or does not take the request at all: then nothing can be said
 *   about it.
 */
export async function runChecks(
  subject: Subject,
  progress: (title: string) => void = () => undefined,
): Promise<CheckResult[]> {
  const { method, url } = subject.options;
  for (const body of [subject.options.body, subject.options.otherBody]) {
    const answer = await subject.ask({ keys: [quoted(subject.newKey())], body });
    if (!isSuccess(answer))
      throw new CliError(
        `${method} ${url.href} with a new key was answered with ${answer.status}, must be 2xx for --body and --other-body: ` +
          Buffer.from(answer.body, 'base64').toString().slice(0, 300),
      );
  }
  const results: CheckResult[] = [];
  for (const [i, { run, ...about }] of checks.entries()) {
    progress(`${i + 1} of ${checks.length}: ${about.title}`);
    const found = await run(subject);
    const result = found === undefined ? 'pass' : typeof found === 'string' ? 'fail' : 'skip';
    const detail = typeof found === 'object' ? found.skipped : found;
    results.push({ number: i + 1, ...about, result, detail });
  }
  return results;
}
