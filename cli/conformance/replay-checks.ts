import type { Check } from './check.js';
import { isSuccess, quoted, type Subject } from './subject.js';

/** Requests at once with one key. */
const parallel = 10;
/** Headers that say what an answer is. */
const describing = ['content-type', 'content-language', 'location', 'etag'];

/** The first two of three same requests: what was answered, and what is answered to who asks again. */
async function firstAndAgain(subject: Subject) {
  const [first, again] = await subject.repeat(2);
  if (first === undefined || again === undefined) throw new Error('two requests have two answers');
  return { first, again };
}

/** What is answered to who asks again. */
export const replayChecks: readonly Check[] = [
  {
    id: 'replay-status',
    section: '2.6 Retry',
    title: 'a retry after the first request is answered with the same status',
    async run(subject) {
      const { first, again } = await firstAndAgain(subject);
      return again.status === first.status ? undefined : `first ${first.status}, then ${again.status}`;
    },
  },
  {
    id: 'replay-body',
    section: '2.6 Retry',
    title: 'and with the same body, byte by byte',
    async run(subject) {
      const { first, again } = await firstAndAgain(subject);
      return again.body === first.body ? undefined : 'the bodies differ: the request may have acted twice';
    },
  },
  {
    id: 'replay-headers',
    section: '2.6 Retry',
    title: 'and with the same headers that describe it',
    async run(subject) {
      const { first, again } = await firstAndAgain(subject);
      const other = describing.find((name) => first.headers[name] !== again.headers[name]);
      return other && `${other} was '${first.headers[other] ?? ''}', then '${again.headers[other] ?? ''}'`;
    },
  },
  {
    id: 'replay-marked',
    section: 'Stripe',
    title: 'a replay, and nothing else, says Idempotent-Replayed: true',
    async run(subject) {
      const { first, again } = await firstAndAgain(subject);
      const marks = [first, again].map(({ headers }) => headers['idempotent-replayed']);
      if (marks[0] === 'true') return 'the first answer says that it is a replay';
      return marks[1] === 'true' ? undefined : `the replay says '${marks[1] ?? 'nothing'}'`;
    },
  },
  {
    id: 'replay-without-cookies',
    section: '5 Data leaks',
    title: 'a replay sets no cookie',
    async run(subject) {
      const { again } = await firstAndAgain(subject);
      return again.headers['set-cookie'] === undefined ? undefined : 'the replay has Set-Cookie';
    },
  },
  {
    id: 'concurrent',
    section: '2.6 Concurrent Request',
    title: `of ${parallel} requests at once with one key all are answered alike, or with 409`,
    async run(subject) {
      const key = quoted(subject.newKey());
      const answers = await Promise.all(Array.from({ length: parallel }, () => subject.ask({ keys: [key] })));
      const settled = answers.filter(({ status }) => status !== 409);
      const odd = settled.find((answer) => !isSuccess(answer));
      if (odd !== undefined) return `one of them was answered with ${odd.status}`;
      const different = new Set(settled.map(({ body }) => body)).size;
      if (different === 0) return 'all of them were answered with 409';
      return different === 1 ? undefined : `${different} different answers: the request acted more than once`;
    },
  },
];
