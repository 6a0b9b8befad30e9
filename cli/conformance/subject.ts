import { randomUUID } from 'node:crypto';
import { exchange, type Answer } from './exchange.js';
import { signed, type Signer } from './sign.js';

export interface SubjectOptions {
  readonly url: URL;
  /** A method that acts. */
  readonly method: string;
  /** Header fields of every request, the authorization of a caller among them. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Replace those of the same name, to be another caller. Undefined: there is only one. */
  readonly otherHeaders?: readonly (readonly [name: string, value: string])[];
  /** Two bodies that the API takes and that differ. */
  readonly body: string;
  readonly otherBody: string;
  /** Signs every request. @default - none is signed */
  readonly signer?: Signer;
  readonly timeoutMs: number;
}

export interface Ask {
  /** Values of the Idempotency-Key fields, as they are sent. @default - none */
  readonly keys?: readonly string[];
  readonly method?: string;
  /** @default - `body` of the options */
  readonly body?: string;
  readonly as?: 'another caller';
}

/** The API under test: one operation of it that acts. */
export class Subject {
  constructor(readonly options: SubjectOptions) {}

  /** A key that nobody has used. */
  newKey(): string {
    return randomUUID();
  }

  async ask({ keys = [], method = this.options.method, body = this.options.body, as }: Ask): Promise<Answer> {
    const { url, headers, otherHeaders = [], signer, timeoutMs } = this.options;
    const others = as === undefined ? [] : otherHeaders;
    const replaced = new Set(others.map(([name]) => name.toLowerCase()));
    const fields = [
      ...headers.filter(([name]) => !replaced.has(name.toLowerCase())),
      ...others,
      ...keys.map((value) => ['Idempotency-Key', value] as const),
    ];
    const reads = method === 'GET' || method === 'HEAD';
    const request = { method, url, headers: fields, body: reads ? undefined : body };
    return exchange(signer === undefined ? request : signed(request, signer, new Date()), timeoutMs);
  }

  /**
   * The same request with one key, several times one after another. The key is sent as the draft has it: in quotes.
   */
  async repeat(times: number, key = this.newKey()): Promise<Answer[]> {
    const answers: Answer[] = [];
    for (let i = 0; i < times; i += 1) answers.push(await this.ask({ keys: [quoted(key)] }));
    return answers;
  }
}

/** RFC 9651 string. */
export function quoted(key: string): string {
  return `"${key.replace(/["\\]/g, '\\$&')}"`;
}

export function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}
