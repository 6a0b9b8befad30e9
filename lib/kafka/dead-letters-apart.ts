import type { Violation } from '../guarantees/invalid-props.js';

/** Whoever reads topics does not read its own dead letters. @param prop the one that names what is read */
export function deadLettersApart(
  deadLetterTopic: string | undefined,
  read: readonly string[],
  prop: string,
): Violation[] {
  if (deadLetterTopic === undefined || !read.includes(deadLetterTopic)) return [];
  return [
    {
      id: 'dead-letters-apart',
      given: `deadLetterTopic is '${deadLetterTopic}', one of ${prop}`,
      allowed: 'a topic of its own',
      change: 'choose another `deadLetterTopic`, or it reads its own dead letters',
    },
  ];
}
