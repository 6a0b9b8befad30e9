import { validation } from './dynamo-errors.js';

/** Splits an expression into names, placeholders, operators and keywords. */
export function tokensOf(expression: string): string[] {
  const tokens = expression.match(/[#:]?[A-Za-z_][\w-]*|<=|>=|<>|[=<>(),]|\S/g) ?? [];
  if (tokens.length === 0) throw validation('Invalid expression: The expression can not be empty;');
  return tokens;
}

/** Reads tokens one after another. */
export class Tokens {
  #at = 0;

  constructor(
    private readonly expression: string,
    private readonly tokens: readonly string[] = tokensOf(expression),
  ) {}

  get next(): string {
    return this.tokens[this.#at] ?? '';
  }
  get done(): boolean {
    return this.#at >= this.tokens.length;
  }
  take(): string {
    const token = this.next;
    this.#at += 1;
    return token;
  }
  /** Takes a keyword, in whatever case, if it comes next. */
  takeIf(keyword: string): boolean {
    if (this.next.toUpperCase() !== keyword) return false;
    this.#at += 1;
    return true;
  }
  expect(token: string): void {
    if (this.take() !== token) throw this.syntaxError();
  }
  syntaxError(): Error {
    return validation(`Invalid expression: Syntax error near '${this.next}' in '${this.expression}'`);
  }
}
