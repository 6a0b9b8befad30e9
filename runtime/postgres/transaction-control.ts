/** Statements that would end the transaction, or the guarantee with it. */
const control = /^\s*(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|PREPARE\s+TRANSACTION)\b/i;

/** Statements whose work the session keeps when the transaction is committed. */
const ofSession = new RegExp(
  [
    String.raw`^\s*SET(?!\s+(LOCAL|TRANSACTION|CONSTRAINTS)\b)\b`,
    String.raw`^\s*(RESET|LISTEN|UNLISTEN|LOAD|PREPARE|DEALLOCATE|DECLARE\b.*\bWITH\s+HOLD|CREATE\s+(LOCAL\s+|GLOBAL\s+)?TEMP(ORARY)?)\b`,
    String.raw`\bset_config\s*\((?![^)]*,\s*true\s*\))`,
    String.raw`\bpg_(try_)?advisory_lock(_shared)?\s*\(`,
  ].join('|'),
  'is',
);

/** A text, a name, a text between dollars, or a comment until the end of its line. */
const quoted =
  /\b[eE]'(?:[^'\\]|\\[^]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([\p{L}_][\p{L}\p{N}_]*)?\$[^]*?\$\1\$|--[^\n]*/uy;

/**
 * The first command of a text that would begin or end a transaction, also behind another statement: without values
 * Postgres takes several in one text. Undefined: there is none.
 *
 * @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 */
export function transactionControl(text: string): string | undefined {
  for (const statement of statementsOf(text)) {
    const command = control.exec(statement)?.[1];
    if (command !== undefined) return command.toUpperCase();
  }
  return undefined;
}

/** Whether a text leaves something in the session that the next transaction of its connection would find. */
export function outlivesTransaction(text: string): boolean {
  return statementsOf(text).some((statement) => ofSession.test(statement));
}

const ofRole = /\b(SET|set_config)\b.*\b(ROLE|AUTHORIZATION)\b/is;

/** Whether a text may change as whom the rest of the transaction acts, such as `SET LOCAL ROLE`. */
export function changesRole(text: string): boolean {
  return ofRole.test(text);
}

/** As whom the connection was opened, until the end of the transaction. */
export const ownRole = 'SET LOCAL role TO DEFAULT';

/** Nearly every statement is one by itself, with its command in front. */
function statementsOf(text: string): readonly string[] {
  return /;|--|\/\*/.test(text) ? withoutQuotes(text).split(';') : [text];
}

/** A text of SQL, with a space in place of each quoted part and each comment. */
function withoutQuotes(text: string): string {
  let bare = '';
  for (let at = 0; at < text.length;) {
    quoted.lastIndex = at;
    if (text.startsWith('/*', at)) {
      at = endOfComment(text, at);
      bare += ' ';
    } else if (quoted.test(text)) {
      at = quoted.lastIndex;
      bare += ' ';
    } else {
      bare += text.charAt(at);
      at += 1;
    }
  }
  return bare;
}

/** Comments nest. */
function endOfComment(text: string, from: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = from;
  let depth = 0;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return text.length;
}
