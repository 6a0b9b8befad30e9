import Table from 'cli-table3';

/** Where a table is shown: standard output, or what stands for it. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface TextTableOptions {
  /** @default - no line of heads */
  readonly head?: readonly string[];
  /** Columns of figures, by their place, which stand at the right. @default none */
  readonly figures?: ReadonlySet<number>;
  /** @default process.stdout */
  readonly screen?: Screen;
}

/** With these nothing of a border is drawn, not even its line. */
const borderless = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ...['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ].map((name) => [name, '']),
);

/**
 * Rows for a reader: with borders on a terminal that is wide enough, plain columns two spaces apart elsewhere, so
 * that what is piped can be cut and searched. Wide characters take the two columns that they need.
 */
export function textTable(rows: readonly (readonly string[])[], options: TextTableOptions = {}): string {
  const { screen = process.stdout } = options;
  if (screen.isTTY === true) {
    const framed = drawn(rows, options, { style: { head: [], border: [], compact: true } });
    if (framed.width <= (screen.columns ?? 80)) return framed.text;
  }
  const gap = { 'padding-left': 0, 'padding-right': 2 };
  const { text } = drawn(rows, options, { chars: borderless, style: { head: [], border: [], ...gap } });
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

function drawn(
  rows: readonly (readonly string[])[],
  { head = [], figures = new Set() }: TextTableOptions,
  look: Table.TableConstructorOptions,
): { text: string; width: number } {
  const columns = Math.max(head.length, ...rows.map((row) => row.length));
  const colAligns = Array.from({ length: columns }, (_, column) => (figures.has(column) ? 'right' : 'left'));
  const table = new Table({ ...look, head: [...head], colAligns });
  table.push(...rows.map((row) => [...row]));
  return { text: table.toString(), width: table.width };
}
