import type { History } from '../dedup/history.js';

/** What a suspect's history says of how dangerous its company is. */
type Known = Pick<History, 'alone' | 'company'>;

/**
 * Lone starts without a word after which a message is held to be what kills its process. One may be anything, such as
 * a deployment.
 */
const deaths = 2;

/**
 * Whether it has died alone often enough. Nobody else was there, so nobody else is blamed (R46). One of which nobody
 * knows whether it can be read has one start more: given up unread, its receipt could not be looked for (R45).
 */
export function hasDied({ alone, readable }: Pick<History, 'alone' | 'readable'>): boolean {
  return alone >= (readable ? deaths : deaths + 1);
}

/**
 * How many suspects may be started together with one of this history: any number while no start of it has ended
 * without a word, then half of the last company, down to one. So after an outage, when all look suspect and nobody
 * is, all run at once; and of n messages with one that kills, that one is alone after log2(n) deaths.
 */
export function largestCompany({ alone, company }: Known): number {
  if (alone > 0) return 1;
  return company === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(company / 2));
}

/**
 * Whom to start next, of the suspects at the heads of their lanes and those behind them: the least suspicious first,
 * because whoever has died alone may take the acknowledgement of all others along.
 *
 * @param lanes the suspects of each lane, in order
 */
export function nextCompany<Suspect extends { readonly history: Known }>(
  lanes: readonly (readonly Suspect[])[],
): Suspect[] {
  const sizeOf = (suspect: Suspect | undefined) =>
    suspect === undefined ? 0 : largestCompany(suspect.history);
  const size = Math.max(0, ...lanes.map(([head]) => sizeOf(head)));
  const company: Suspect[] = [];
  for (const lane of lanes)
    for (const suspect of lane) {
      if (sizeOf(suspect) !== size || company.length >= size) break;
      company.push(suspect);
    }
  return company;
}
