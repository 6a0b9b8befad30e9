/** Nothing in a run is sent to fail, so a dead letter is something that did not act, or did and came again. */
export const notPoison = 'in the dead-letter queue, and nothing was sent to end there';

/** A finding about ids, with the first five of them; undefined when there are none. */
export function some(ids: readonly string[], what: string, kind = 'payment'): string | undefined {
  if (ids.length === 0) return undefined;
  const shown = ids.slice(0, 5).join(', ');
  return `${ids.length} ${kind}${ids.length === 1 ? '' : 's'} ${what} (${shown}${ids.length > 5 ? ', ...' : ''})`;
}
