import { isDeepStrictEqual } from 'node:util';
import { TestingError } from './deliver.js';

export interface NaturalSubject<Message> {
  /** Messages that could meet in one run: at least one, better several that touch the same data. */
  readonly messages: readonly Message[];
  /** The effect, against the real engine. */
  readonly handle: (message: Message) => unknown;
  /** Brings the data back to where it was before any message. */
  readonly reset: () => unknown;
  /** All that the effect could have changed, as plain data. */
  readonly snapshot: () => unknown;
}

/**
 * Checks against the engine that an effect is idempotent by nature (R16): every message twice leaves what it leaves
 * once, every two messages leave the same in both orders, and a late copy of the first changes nothing after the
 * second.
 *
 * @throws TestingError naming the messages (by their place in the list) and what to do.
 */
export async function checkNaturallyIdempotent<Message>(subject: NaturalSubject<Message>): Promise<void> {
  const { messages, handle, reset, snapshot } = subject;
  if (messages.length === 0) throw new TestingError('no messages were given, so nothing would be checked');
  const after = async (...order: number[]): Promise<unknown> => {
    await reset();
    for (const index of order) await handle(messages[index] as Message);
    return snapshot();
  };
  const before = await after();
  for (const a of messages.keys()) {
    const once = await after(a);
    if (isDeepStrictEqual(once, before))
      throw new TestingError(
        `message ${a} changes nothing that \`snapshot\` shows, so nothing would be checked`,
      );
    // Else every further run would begin with what this one has left, and show nothing of its own.
    if (!isDeepStrictEqual(await after(), before))
      throw new TestingError(
        `\`reset\` does not bring back what message ${a} has changed, so nothing would be checked`,
      );
    if (!isDeepStrictEqual(await after(a, a), once))
      throw new TestingError(`message ${a} acts again when it is delivered twice; use a way with a receipt`);
    for (const b of messages.keys()) {
      if (a === b) continue;
      const inOrder = await after(a, b);
      if (!isDeepStrictEqual(await after(b, a), inOrder))
        throw new TestingError(
          `messages ${a} and ${b} leave different data in different orders: the older overwrites the newer; ` +
            'write on condition of a version',
        );
      if (!isDeepStrictEqual(await after(a, b, a), inOrder))
        throw new TestingError(
          `a late copy of message ${a} undoes message ${b}; write on condition of a version`,
        );
    }
  }
}
