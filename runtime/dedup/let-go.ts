/**
 * Of code that has to answer at once, and gave a promise: whoever looks at it refuses it. What it rejects with later
 * is nobody's any more, and must not take the process with it, and all other messages of the batch.
 */
export function letGo<T>(answer: T): T {
  if (answer instanceof Promise) answer.catch(() => undefined);
  return answer;
}
