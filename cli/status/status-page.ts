import { ageText } from '../duration.js';
import { tableText } from '../output.js';
import type { StatusDetail, StatusLine } from './status-line.js';

/** Details that are shown of one line: the page is to stay one. */
const shown = 5;

/** One page for people: a line for everything that was looked at, and below it what is not fine. */
export function statusPage(lines: readonly StatusLine[], notKnown: readonly string[]): string {
  const table = tableText(
    lines.map((one) => ({
      OF: one.of,
      WHAT: one.what,
      COUNT: one.count ?? 'not known',
      SINCE: one.count === 0 || one.since === undefined ? '' : ageText(one.since),
      '': one.needsPerson ? '!' : '',
      'TO MEND': one.count === 0 ? '' : `${one.mend} (docs/${one.page})`,
    })),
  );
  const troubles = lines.filter(({ details }) => details.length > 0);
  return [
    table,
    ...troubles.flatMap((line) => ['', `${line.of}, ${line.what}:`, ...detailLines(line)]),
    ...(notKnown.length === 0 ? [] : ['', 'not known:', ...notKnown.map((sentence) => `  ${sentence}`)]),
    '',
    verdict(lines, notKnown),
  ].join('\n');
}

function detailLines({ count, details }: StatusLine): string[] {
  const more = (count ?? 0) - Math.min(shown, details.length);
  return [
    ...details.slice(0, shown).map(detailText),
    ...(more > 0 ? [`  and ${more} more: see the commands above, or --json`] : []),
  ];
}

function detailText({ what, since, reason }: StatusDetail): string {
  return `  ${since === undefined ? '' : `${ageText(since)}  `}${what}: ${reason}`.replace(/\p{Cc}/gu, ' ');
}

function verdict(lines: readonly StatusLine[], notKnown: readonly string[]): string {
  const count = lines.filter(({ needsPerson }) => needsPerson).length;
  if (count === 0) return notKnown.length === 0 ? 'nothing needs a person' : 'not all of it is known';
  return `${count} of ${lines.length} need a person: marked with !`;
}
