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

const ofRole = /\b(SET|set_config)\b.*\b(ROLE|AUTHORIZATION)\b/is;

/** What a text would do to the transaction that it is sent in, and to its session. */
export interface TextFacts {
  /** The first command that would begin or end a transaction. */
  readonly control: string | undefined;
  /** It leaves something in the session that the next transaction of its connection would find. */
  readonly outlives: boolean;
  /** It may change as whom the rest of the transaction acts, such as `SET LOCAL ROLE`. */
  readonly changesRole: boolean;
}

/**
 * Reads a text, each of its statements: without values Postgres takes several in one.
 *
 * @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html
 */
export function factsOf(text: string): TextFacts {
  const statements = statementsOf(text);
  const [command] = statements.flatMap((statement) => control.exec(statement)?.[1] ?? []);
  return {
    control: command?.toUpperCase(),
    outlives: statements.some((statement) => ofSession.test(statement)),
    changesRole: ofRole.test(text),
  };
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
