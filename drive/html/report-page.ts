import { createHash } from 'node:crypto';
import type { Difference } from '../audit/charges.js';
import { grouped, inPlainWords, reportRows, verdictOf, type PathReport, type RunReport } from '../report.js';
import { barPlot, type Bar } from './bars.js';
import { escaped } from './escaped.js';
import { style } from './style.js';

/** What a browser is told to refuse of a report: everything but its own look. */
export const reportPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`;

/**
 * A run as one HTML page, with everything in it: it loads nothing and runs no script. What its plots show stands in
 * its table, too.
 */
export function reportPage(report: RunReport): string {
  const verdict = verdictOf(report);
  const heading = `Chaos run on ${report.target}, seed ${report.seed}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${reportPolicy}">
<title>${escaped(`${heading}: ${verdict}`)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escaped(heading)}</h1>
<p class="verdict">${escaped(verdict)}</p>
${inPlainWords(report)
  .filter((line) => line !== '')
  .map((line) => `<p>${escaped(line.trim())}</p>`)
  .join('\n')}
${[moneyPlot(report), wrongPlot(report), faultPlot(report), timePlot(report)].join('\n')}
<h2 id="figures">All figures</h2>
<div class="scroll" role="region" aria-labelledby="figures" tabindex="0">${figures(report)}</div>
<h2>Notes and findings</h2>
<ul>
${report.paths.flatMap(said).join('\n')}
</ul>
</main>
</body>
</html>
`;
}

/** Money that customers paid too much or too little, each side. Empty where nothing is compared. */
function moneyPlot({ paths }: RunReport): string {
  const sides = paths.filter(({ charges }) => charges !== undefined);
  if (!sides.some(({ comparison = false }) => comparison)) return '';
  const bars = sides.flatMap(({ comparison = false, charges }): Bar[] => {
    const side = comparison ? 'unprotected' : 'protected';
    return [
      moneyBar(`${side}, too much`, charges?.tooMuch),
      moneyBar(`${side}, too little`, charges?.tooLittle),
    ];
  });
  return plot('Money that is wrong on customers’ accounts', bars);
}

function moneyBar(label: string, difference: Difference = { customers: 0, cents: 0n }): Bar {
  const { customers, cents } = difference;
  const text = `$${(Number(cents) / 100).toFixed(2)}, ${grouped(customers)} customer${customers === 1 ? '' : 's'}`;
  return { label, value: Number(cents), text, tone: cents === 0n ? 'good' : 'bad' };
}

function wrongPlot({ paths }: RunReport): string {
  const bars = paths.flatMap(({ name, lost, doubled }) =>
    [[`${name}: lost`, lost] as const, [`${name}: doubled`, doubled] as const].map(([label, value]): Bar => ({
      ...{ label, value, text: grouped(value) },
      tone: value === 0 ? 'good' : 'bad',
    })),
  );
  return plot('Effects that were lost or doubled', bars);
}

function faultPlot({ paths }: RunReport): string {
  const bars = paths.flatMap(({ name, retries, suppressed, killed }) => {
    const counted: readonly (readonly [string, number | undefined])[] = [
      ['client retries', retries],
      ['functions killed', killed],
      ['duplicates suppressed', suppressed],
    ];
    return counted.flatMap(([what, value]): Bar[] =>
      value === undefined ? [] : [{ label: `${name}: ${what}`, value, text: grouped(value), tone: 'plain' }],
    );
  });
  return plot('Faults, and what was kept from acting twice', bars);
}

function timePlot({ seconds: { setUp, traffic, tail } }: RunReport): string {
  const bar = (label: string, value: number): Bar => ({
    ...{ label, value, text: `${value.toFixed(1)} s` },
    tone: 'plain',
  });
  return plot('Time', [bar('set-up', setUp), bar('traffic', traffic), bar('until all was drained', tail)]);
}

function plot(title: string, bars: readonly Bar[]): string {
  return `<section>\n<h2>${escaped(title)}</h2>\n${barPlot(title, bars)}\n</section>`;
}

function figures({ paths }: RunReport): string {
  const [head, ...rest] = reportRows(paths);
  const cells = (row: readonly string[]) =>
    `<tr><th scope="row">${escaped(row[0] ?? '')}</th>${row
      .slice(1)
      .map((cell) => `<td>${escaped(cell)}</td>`)
      .join('')}</tr>`;
  const heads = (head ?? []).slice(1).map((name) => `<th scope="col">${escaped(name)}</th>`);
  return `<table><thead><tr><td></td>${heads.join('')}</tr></thead><tbody>${rest.map(cells).join('')}</tbody></table>`;
}

function said({ name, notes, findings }: PathReport): string[] {
  return [...notes, ...findings].map((text) => `<li>${escaped(`${name}: ${text}`)}</li>`);
}
