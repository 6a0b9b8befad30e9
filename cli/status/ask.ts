import { errorText, ExactlyOnceError } from '../../runtime/dedup/errors.js';
import type { NotKnown } from '../permission.js';

/**
 * Asks for one thing. What a service refuses is not known, is said, and stops nothing else: a missing permission, a
 * table or an index that is not there, a row of a newer version.
 *
 * @throws what is no service's answer: without a network or credentials nothing else could be asked either
 */
export async function asked<T>(
  notKnown: NotKnown,
  what: string,
  permission: string,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await notKnown.unlessDenied(what, permission, ask);
  } catch (error) {
    const refusal = refusalIn(error);
    if (refusal === undefined) throw error;
    notKnown.say(what, errorText(refusal).replace(/\s+/g, ' '));
    return undefined;
  }
}

/** What a service answered, or what the library would not read. */
function refusalIn(error: unknown): Error | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('$fault' in error && error.$fault === 'client') return error;
  if (error instanceof ExactlyOnceError) return error.cause === undefined ? error : refusalIn(error.cause);
  return undefined;
}
