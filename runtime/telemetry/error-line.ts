import { ExactlyOnceError } from '../dedup/error.js';

/** What a log line says of something that was thrown. */
export interface ErrorLine {
  /** Its name, and those of its causes: `CommitFailed < ThrottlingException`. */
  readonly error: string;
  /** Where it was thrown: the first frame of its stack. */
  readonly at?: string;
  /** Its message, of errors of this library that hold no data. */
  readonly because?: string;
}

const maxCauses = 5;

/**
 * An error for a log line (R59). Messages may quote a key, a body or a caller, those of a handler first of all, so
 * they are left out: an observer of one's own, and the dead letter, have the whole error. Never throws: anybody's
 * code makes errors, without a stack, with a getter that throws, and a line that cannot be written would cost those
 * of the whole batch.
 */
export function errorLine(error: unknown): ErrorLine {
  try {
    return lineOf(error);
  } catch {
    return { error: 'Error that cannot be read' };
  }
}

function lineOf(error: unknown): ErrorLine {
  if (!(error instanceof Error)) return { error: typeof error };
  const names: string[] = [];
  for (let one: unknown = error; one instanceof Error && names.length < maxCauses; one = one.cause)
    names.push(textOf(one.name) || 'Error');
  const [stack, message] = [textOf(error.stack), textOf(error.message)];
  // Behind the message, which may have lines that look like frames.
  const [, at] = /^\n\s+at ([^\n]+)/.exec(stack.slice(stack.indexOf(message) + message.length)) ?? [];
  const because = error instanceof ExactlyOnceError && error.isWithoutData ? message : undefined;
  return { error: names.join(' < '), at, because };
}

/** What the types say is a text, and anybody may have set to something else. */
function textOf(part: unknown): string {
  return typeof part === 'string' ? part : '';
}
