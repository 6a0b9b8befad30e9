import { textTable } from '../targets/text-table.js';

/** What the command found, for the reader of standard output. Everything else goes to standard error. */
export function print(text: string): void {
  process.stdout.write(`${shown(text)}\n`);
}

/** What the reader should know besides, on standard error. */
export function warn(sentence: string): void {
  process.stderr.write(`${shown(sentence)}\n`);
}

export function printJson(value: unknown): void {
  print(jsonText(value, 2));
}

/** Integers that a double cannot hold are written out in full. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(
    value,
    (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part),
    indent,
  );
}

/** 0 unless told: 1 says that something was refused, is left, or stands still. */
export function exitWith(status: 0 | 1): void {
  process.exitCode = status;
}

/** Columns in the order of the first row's properties. No heads where these are blank. Empty text for no rows. */
export function tableText(rows: readonly Readonly<Record<string, string | number>>[]): string {
  const [first] = rows;
  if (first === undefined) return '';
  const names = Object.keys(first);
  const cells = rows.map((row) => names.map((name) => printable(String(row[name] ?? ''))));
  return textTable(cells, names.every((name) => name.trim() === '') ? {} : { head: names });
}

/**
 * A name in one line. Keys, groups and reasons are the producers': on a terminal their control characters could
 * rewrite what is shown, and a line break could make a line of its own.
 */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, escaped);
}

/** Whole text, of which line breaks are our own. What JSON leaves as it is, it reads the same when it is escaped. */
function shown(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, escaped);
}

function escaped(control: string): string {
  return `\\u${(control.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
}

const plainEveryMs = 5_000;
const rewriteEveryMs = 100;

/** How it goes, on standard error: one line that is rewritten on a terminal, a line every 5 s elsewhere. */
export function progressLine(output: NodeJS.WriteStream = process.stderr): {
  now(text: string): void;
  end(): void;
} {
  let last = -Infinity;
  let open = false;
  return {
    now(text) {
      if (Date.now() - last < (output.isTTY ? rewriteEveryMs : plainEveryMs)) return;
      last = Date.now();
      open = output.isTTY;
      output.write(output.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
    },
    end() {
      if (open) output.write('\r\x1b[K');
      open = false;
    },
  };
}
