import { escaped } from '../html/escaped.js';
import type { PathState } from '../progress.js';
import { grouped, inPlainWords, verdictOf, type PathReport } from '../report.js';
import type { LiveState } from './live-state.js';

/** The parts of the page that change, by the id of their element, as markup. */
export function slotsOf(state: LiveState): Readonly<Record<string, string>> {
  return {
    phase: escaped(phaseOf(state)),
    paths: state.paths.length === 0 ? '<p class="soft">Nothing is sent yet.</p>' : pathsOf(state.paths),
    figures: figuresOf(state),
    endpoints: endpointsOf(state),
    lines: state.lines.map((line) => `<li>${escaped(line)}</li>`).join(''),
    ...linksOf(state),
  };
}

function phaseOf({ phase, report, kept }: LiveState): string {
  if (report === undefined) return `Now: ${phase}.`;
  const words = inPlainWords(report).filter((line) => line !== '');
  const end = kept
    ? 'Everything stays until Ctrl-C in the terminal.'
    : 'The run has ended, and this page with it.';
  return [`${verdictOf(report)}.`, ...words.map((line) => line.trim()), end].join(' ');
}

function pathsOf(paths: readonly PathState[]): string {
  const bars = paths.map(
    ({ name, done, total, note }) =>
      `<p><label for="path-${escaped(name)}">${escaped(name)}: ${grouped(done)} of ${grouped(total)}</label>` +
      `<progress id="path-${escaped(name)}" max="${total}" value="${done}"></progress>` +
      `<span class="soft">${escaped(note)}</span></p>`,
  );
  return bars.join('');
}

const rows: readonly (readonly [
  label: string,
  of: (path: PathState, end: PathReport | undefined) => string,
])[] = [
  ['sent', ({ total, done }, end) => `${grouped(end?.sent ?? done)} of ${grouped(total)}`],
  ['client retries', ({ live }, end) => counted(end?.retries ?? live?.retries)],
  ['delivered', ({ live }, end) => counted(end?.delivered ?? live?.delivered)],
  ['duplicates suppressed', ({ live }, end) => counted(end?.suppressed ?? live?.suppressed)],
  ['functions killed', ({ live }, end) => counted(end?.killed ?? live?.killed)],
  ['acted', ({ live }, end) => counted(end?.effects ?? live?.acted)],
  ['doubled', ({ live }, end) => counted(end?.doubled ?? live?.doubled)],
  ['lost', (_, end) => (end === undefined ? 'counted at the end' : grouped(end.lost))],
];

function figuresOf({ paths, report }: LiveState): string {
  const heads = paths.map(({ name }) => `<th scope="col">${escaped(name)}</th>`).join('');
  const endOf = ({ name }: PathState) => report?.paths.find((one) => one.name === name);
  const body = rows.map(([label, of]) => {
    const cells = paths.map((path) => `<td>${escaped(of(path, endOf(path)))}</td>`).join('');
    return `<tr><th scope="row">${label}</th>${cells}</tr>`;
  });
  return `<table><thead><tr><td></td>${heads}</tr></thead><tbody>${body.join('')}</tbody></table>`;
}

function endpointsOf({ webhooks }: LiveState): string {
  if (typeof webhooks === 'string') return `<p class="soft">${escaped(webhooks)}</p>`;
  const { taken, suppressed, endpoints } = webhooks;
  const body = endpoints.map(
    ({ id, manner, arrived, acted, suppressed: again }) =>
      `<tr><th scope="row">${escaped(id)}<br><span class="soft">${escaped(manner)}</span></th>` +
      `${[arrived, acted, again].map((figure) => `<td>${grouped(figure)}</td>`).join('')}</tr>`,
  );
  const heads = ['Endpoint', 'arrived', 'acted', 'suppressed'].map((text) => `<th scope="col">${text}</th>`);
  return (
    `<p>${grouped(taken)} events of payments taken by the sender; ${grouped(suppressed)} duplicates suppressed before them.</p>` +
    `<table><thead><tr>${heads.join('')}</tr></thead><tbody>${body.join('')}</tbody></table>`
  );
}

/** Each by itself: the one that a reader is on stays when the other comes. */
function linksOf({ webhooks, report }: LiveState): Readonly<Record<string, string>> {
  const link = typeof webhooks === 'string' ? undefined : webhooks.link;
  return {
    'webhooks-link':
      link === undefined ? '' : `<a href="${escaped(link)}">Webhooks: endpoints, deliveries, replay</a>`,
    'report-link': report === undefined ? '' : '<a href="/report">The report with plots</a>',
  };
}

function counted(figure: number | undefined): string {
  return figure === undefined ? '-' : grouped(figure);
}
