import type { Check } from './check.js';
import { isSuccess, quoted, type Ask } from './subject.js';

/** A statement that a request is refused with 400. */
function refused(id: string, section: string, title: string, keys: (key: string) => Ask['keys']): Check {
  return {
    id,
    section,
    title,
    async run(subject) {
      const { status } = await subject.ask({ keys: keys(subject.newKey()) });
      return status === 400 ? undefined : `answered with ${status}`;
    },
  };
}

const padded = (key: string, length: number) => quoted(key.padEnd(length, 'k'));

/** What is a key. */
export const keyChecks: readonly Check[] = [
  refused('key-required', '2.7', 'a request without a key is refused with 400', () => []),
  refused('key-unterminated', '2.1', 'a string that is not closed is refused with 400', (key) => [`"${key}`]),
  refused('key-once', '2.1', 'two Idempotency-Key fields are refused with 400', (key) => [
    quoted(key),
    quoted(`${key}-2`),
  ]),
  refused('key-not-empty', '5', 'an empty key is refused with 400', () => ['""']),
  refused('key-not-too-long', 'Stripe', 'a key of 256 characters is refused with 400', (key) => [
    padded(key, 256),
  ]),
  {
    id: 'key-longest',
    section: 'Stripe',
    title: 'a key of 255 characters is taken',
    async run(subject) {
      const answer = await subject.ask({ keys: [padded(subject.newKey(), 255)] });
      return isSuccess(answer) ? undefined : `answered with ${answer.status}`;
    },
  },
  {
    id: 'key-string-syntax',
    section: '2.1',
    title: 'blanks and escaped quotes and backslashes are part of a key',
    async run(subject) {
      const answer = await subject.ask({ keys: [quoted(`a "b" \\ ${subject.newKey()}`)] });
      return isSuccess(answer) ? undefined : `answered with ${answer.status}`;
    },
  },
  {
    id: 'key-bare',
    section: 'Stripe',
    title: 'a key without quotes is the same key',
    async run(subject) {
      const key = subject.newKey();
      const [, replayed] = await subject.repeat(2, key);
      const bare = await subject.ask({ keys: [key] });
      if (!isSuccess(bare)) return `answered with ${bare.status}`;
      return bare.body === replayed?.body ? undefined : 'it was taken for another key';
    },
  },
  {
    id: 'key-case',
    section: '2.1',
    title: 'keys that differ in upper and lower case are two keys',
    async run(subject) {
      const key = `k-${subject.newKey()}`;
      await subject.ask({ keys: [quoted(key)] });
      const answer = await subject.ask({
        keys: [quoted(key.toUpperCase())],
        body: subject.options.otherBody,
      });
      return isSuccess(answer) ? undefined : `the second one was answered with ${answer.status}`;
    },
  },
  {
    id: 'reads-need-no-key',
    section: '1',
    title: 'GET needs no key',
    async run(subject) {
      const { status } = await subject.ask({ method: 'GET' });
      return status === 400 ? 'answered with 400' : undefined;
    },
  },
];
