import { isSendable } from '../send/target.js';

/** Bytes that a name may have: of a source, a kind, an aggregate, a type. */
export const maxNameBytes = 1_024;

/** Text that may name what an event is about. */
export function isName(text: unknown): text is string {
  return (
    typeof text === 'string' && text !== '' && text.isWellFormed() && Buffer.byteLength(text) <= maxNameBytes
  );
}

/** What is wrong with the name of an epoch; undefined: nothing. */
export function epochProblem(epoch: unknown): string | undefined {
  return isPart(epoch)
    ? undefined
    : `epoch of the outbox must be 1 to ${maxNameBytes} bytes of text without '/'`;
}

/** What is wrong with the name of a source; undefined: nothing. */
export function sourceProblem(source: unknown): string | undefined {
  return isName(source) ? undefined : `source of the outbox must be 1 to ${maxNameBytes} bytes of text`;
}

/** The type of an event, which queues and topics are told in an attribute. */
export function isType(text: unknown): text is string {
  return isName(text) && isSendable(text);
}

/** A name that an event's id can be split after. */
export function isPart(text: unknown): text is string {
  return isName(text) && !text.includes('/');
}
