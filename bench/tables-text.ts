import { judge, mustText } from './floors.js';
import type { Result } from './results.js';
import type { Row } from './row.js';

/** The rows as a Markdown table: a line per case, a column per measure, ours and the peer's side by side. */
export function tableOf(rows: readonly Row[]): string {
  const measures = [...new Set(rows.map((row) => heading(row)))];
  const lines = [...Map.groupBy(rows, (row) => row.case)].map(([name, ofCase]) => [
    name,
    ...measures.map((measure) => {
      const row = ofCase.find((one) => heading(one) === measure);
      return row === undefined ? '' : `${figure(row.ours)} / ${figure(row.peer)}`;
    }),
  ]);
  return markdown([['ours / peer', ...measures], ...lines]);
}

/** The floors with what was measured. */
export function floorTable(results: ReadonlyMap<string, Result>): string {
  const lines = judge(results).map(({ floor, ours, peer, miss }) => [
    floor.promise,
    mustText(floor),
    figure(ours),
    figure(peer),
    miss === undefined ? 'yes' : `**no**: ${floor.missedBecause ?? 'not known'}`,
  ]);
  return markdown([['floor', 'must be', 'ours', 'peer', 'reached'], ...lines]);
}

/** The generated part of docs/bench.md. */
export function report(results: ReadonlyMap<string, Result>): string {
  const sections = [...results.values()].map((result) =>
    [
      `### ${result.name}`,
      `${sentence(result.about)} Engine: ${result.engine}. ${result.faults === undefined ? `Medians of ${result.runs} runs.` : `${result.faults} faults of each kind.`} ${result.date}, ` +
        `${result.machine.cores} cores of ${result.machine.cpu}, Node ${result.versions.node ?? 'unknown'}.`,
      tableOf(result.rows),
      `Not measured:\n${result.notMeasured.map((line) => `- ${line}`).join('\n')}`,
    ].join('\n\n'),
  );
  return ['## Floors', floorTable(results), '## Figures', ...sections].join('\n\n');
}

function heading({ measure, unit }: Row): string {
  return measure.includes(unit) ? measure : `${measure}, ${unit}`;
}

function figure(value: number | null): string {
  return value === null ? '-' : String(value);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function markdown(lines: readonly (readonly string[])[]): string {
  const [head = [], ...rest] = lines;
  return [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rest]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}
