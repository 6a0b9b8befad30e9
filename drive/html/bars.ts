import { escaped } from './escaped.js';

/** One bar of a plot. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value as it is written beside the bar. */
  readonly text: string;
  /** What the value means: its colour, and never the colour alone. */
  readonly tone: 'good' | 'bad' | 'plain';
}

const width = 780;
const rowHeight = 30;
const labelWidth = 290;
const textWidth = 190;

/**
 * A plot of horizontal bars as SVG. Whoever does not see it hears its title and every value; the same values stand in
 * a table beside it.
 */
export function barPlot(title: string, bars: readonly Bar[]): string {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const room = width - labelWidth - textWidth;
  const rows = bars.map(({ label, value, text, tone }, index) => {
    const y = index * rowHeight;
    const length = value === 0 ? 0 : Math.max(2, (value / most) * room);
    return (
      `<text x="${labelWidth - 10}" y="${y + 19}" text-anchor="end">${escaped(label)}</text>` +
      `<rect class="${tone}" x="${labelWidth}" y="${y + 5}" width="${length.toFixed(1)}" height="20" rx="3"/>` +
      `<text x="${(labelWidth + length + 8).toFixed(1)}" y="${y + 19}">${escaped(text)}</text>`
    );
  });
  const spoken = bars.map(({ label, text }) => `${label}: ${text}`).join('; ');
  return `<svg role="img" aria-label="${escaped(`${title}. ${spoken}`)}" viewBox="0 0 ${width} ${bars.length * rowHeight}">${rows.join('')}</svg>`;
}
