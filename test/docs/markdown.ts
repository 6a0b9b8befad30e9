/** A fenced code block. `line` is the line of its first line of code, counted from 1. */
export interface CodeBlock {
  readonly file: string;
  readonly line: number;
  readonly code: string;
  /** The file that the page calls it: what follows the language behind the fence. */
  readonly name?: string;
}

/** A link target as it is written. */
export interface Link {
  readonly file: string;
  readonly line: number;
  readonly target: string;
}

const opening = /^\s*(`{3,}|~{3,})\s*([A-Za-z]*)(?: +(\S+))?/;

interface Line {
  readonly number: number;
  readonly text: string;
  /** The language of the fenced block the line is in, or undefined for prose and for the fences. */
  readonly language?: string;
  readonly name?: string;
}

/** @throws Error when a fence is never closed: everything after it would silently be code. */
function linesOf(file: string, markdown: string): Line[] {
  const lines: Line[] = [];
  let fence: (Pick<Line, 'number' | 'name'> & Required<Record<'mark' | 'language', string>>) | undefined;
  for (const [index, text] of markdown.split('\n').entries()) {
    const number = index + 1;
    const [, mark, language = '', name] = opening.exec(text) ?? [];
    if (fence === undefined) {
      if (mark !== undefined) fence = { mark, language, number, name };
      else lines.push({ number, text });
    } else if (mark?.startsWith(fence.mark) === true && text.trim() === mark) fence = undefined;
    else lines.push({ number, text, language: fence.language, name: fence.name });
  }
  if (fence !== undefined) throw new Error(`${file}:${fence.number}: this code block is never closed`);
  return lines;
}

/** The code blocks marked `ts` or `typescript`. */
export function typescriptBlocks(file: string, markdown: string): CodeBlock[] {
  const blocks: (CodeBlock & { code: string; last: number })[] = [];
  for (const { number, text, language, name } of linesOf(file, markdown)) {
    if (language !== 'ts' && language !== 'typescript') continue;
    const open = blocks.at(-1);
    if (open?.last === number - 1) {
      open.code += `${text}\n`;
      open.last = number;
    } else blocks.push({ file, line: number, code: `${text}\n`, last: number, name });
  }
  return blocks.map(({ file, line, code, name }) => ({ file, line, code, name }));
}

/** Targets of `[text](target)`, `![text](target)` and `[label]: target`, outside code. */
export function links(file: string, markdown: string): Link[] {
  const found: Link[] = [];
  for (const { number, text, language } of linesOf(file, markdown)) {
    if (language !== undefined) continue;
    const prose = text.replace(/`[^`]*`/g, '');
    const targets = [
      ...prose.matchAll(/\]\(\s*<?([^)\s>]+)/g),
      ...prose.matchAll(/^\s*\[[^\]]+\]:\s*<?([^\s>]+)/g),
    ];
    for (const [, target] of targets) if (target !== undefined) found.push({ file, line: number, target });
  }
  return found;
}
