import type { Check } from './check.js';
import type { Answer } from './exchange.js';
import { isSuccess, quoted, type Subject } from './subject.js';

const notJson = '{';

/** The answer to another payload under a used key. */
async function reused(subject: Subject): Promise<Answer> {
  const keys = [quoted(subject.newKey())];
  await subject.ask({ keys });
  return subject.ask({ keys, body: subject.options.otherBody });
}

/** Whether an answer says more than its status: problem details, or a link to a page. */
function explains({ headers, body }: Answer): boolean {
  if (/rel="?describedby"?/.test(headers.link ?? '')) return true;
  if (!/^application\/problem\+json\b/.test(headers['content-type'] ?? '')) return false;
  try {
    const problem = JSON.parse(Buffer.from(body, 'base64').toString()) as { type?: unknown; title?: unknown };
    return typeof problem.type === 'string' && typeof problem.title === 'string';
  } catch {
    return false;
  }
}

/** What a key may not be used for, and what a refusal leaves behind. */
export const reuseChecks: readonly Check[] = [
  {
    id: 'reuse-refused',
    section: '2.7',
    title: 'another payload under a used key is refused with 422',
    async run(subject) {
      const other = await reused(subject);
      return other.status === 422 ? undefined : `answered with ${other.status}`;
    },
  },
  {
    id: 'reuse-changes-nothing',
    section: '2.6 Retry',
    title: 'and the first request is still answered as before',
    async run(subject) {
      const keys = [quoted(subject.newKey())];
      await subject.ask({ keys });
      const before = await subject.ask({ keys });
      await subject.ask({ keys, body: subject.options.otherBody });
      const after = await subject.ask({ keys });
      if (after.status !== before.status) return `before ${before.status}, after the refusal ${after.status}`;
      return after.body === before.body ? undefined : 'after the refusal the body is another one';
    },
  },
  {
    id: 'refusals-explained',
    section: '2.7',
    title: 'refusals have problem details (RFC 9457) or a Link to a page',
    async run(subject) {
      const missing = await subject.ask({});
      const other = await reused(subject);
      const silent = [missing, other]
        .filter(({ status }) => status >= 400)
        .find((answer) => !explains(answer));
      return silent && `the answer with ${silent.status} has neither`;
    },
  },
  {
    id: 'refusal-not-saved',
    section: 'Stripe',
    title: 'a body that cannot be read is refused, and its key is still good',
    async run(subject) {
      const keys = [quoted(subject.newKey())];
      const refusal = await subject.ask({ keys, body: notJson });
      if (refusal.status < 400 || refusal.status > 499)
        return `'${notJson}' was answered with ${refusal.status}`;
      const corrected = await subject.ask({ keys });
      return isSuccess(corrected) ? undefined : `the corrected request was answered with ${corrected.status}`;
    },
  },
  {
    id: 'callers-apart',
    section: '5 Data leaks',
    title: 'the key of one caller says nothing to another',
    async run(subject) {
      if (subject.options.otherHeaders === undefined)
        return { skipped: 'give --other-header to have a second caller' };
      const keys = [quoted(subject.newKey())];
      const first = await subject.ask({ keys });
      const before = await subject.ask({ keys });
      const same = await subject.ask({ keys, as: 'another caller' });
      if (!isSuccess(same)) return `another caller with that key was answered with ${same.status}`;
      if (same.body === first.body || same.body === before.body)
        return 'another caller got the first one’s answer';
      const after = await subject.ask({ keys });
      return after.body === before.body
        ? undefined
        : 'another caller has changed what the first one is answered';
    },
  },
];
