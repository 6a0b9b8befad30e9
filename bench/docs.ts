import { report } from './tables-text.js';
import type { Result } from './results.js';

const begin = '<!-- written by npm run bench -- --docs -->';
const end = '<!-- end of what is written -->';

/**
 * The page with its generated part renewed.
 *
 * @throws Error when the page has lost one of the two comments that the part stands between.
 */
export function withReport(page: string, results: ReadonlyMap<string, Result>): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page must hold '${begin}' and, after it, '${end}'`);
  return `${page.slice(0, from + begin.length)}\n\n${report(results)}\n\n${page.slice(to)}`;
}
