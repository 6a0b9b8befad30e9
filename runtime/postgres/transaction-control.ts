/** Statements that would end the transaction, or the guarantee with it. */
const control = /^\s*(BEGIN|START|COMMIT|END|ROLLBACK|ABORT|PREPARE\s+TRANSACTION)\b/i;

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
  // Nearly every statement is one by itself, with its command in front.
  const statements = /;|--|\/\*/.test(text) ? withoutQuotes(text).split(';') : [text];
  for (const statement of statements) {
    const command = control.exec(statement)?.[1];
    if (command !== undefined) return command.toUpperCase();
  }
  return undefined;
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
