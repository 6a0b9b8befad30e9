import { parseJson } from '../dedup/exact-json.js';
import { KeyConflict, RequestRefused, UnexpectedAnswer, type ProblemDetails } from './errors.js';
import type { IdempotentAnswer, IdempotentRequest } from './options.js';
import { isReplay } from './retry.js';

/** An answer, and the request that it is about. */
export interface Settling {
  readonly about: {
    readonly method: string;
    readonly url: string;
    readonly key: string;
    readonly attempts: number;
  };
  readonly response: Response;
  readonly text: string;
}

/**
 * What a final answer says. 303 is none of refusal: it was done, and its result is to be seen elsewhere.
 *
 * @throws RequestRefused for all other answers but 2xx.
 * @throws UnexpectedAnswer when it was done and the answer does not fit.
 */
export async function answerOf<Answer>(
  { answer }: IdempotentRequest<Answer>,
  { about, response: { status, headers }, text }: Settling,
): Promise<IdempotentAnswer<Answer>> {
  const settled = (body: unknown): IdempotentAnswer<Answer> => ({
    status,
    headers,
    // Without a schema the caller has said what it expects.
    body: body as Answer,
    key: about.key,
    replayed: isReplay(headers),
    attempts: about.attempts,
  });
  if (status === 303) return settled(jsonOr(text, undefined));
  // Browsers hide a redirect that is not followed behind status 0, which is no success either.
  if (status < 200 || status >= 300) {
    const Refusal = status === 422 ? KeyConflict : RequestRefused;
    throw new Refusal(about, status, problemOf(headers, text), text);
  }
  let json: unknown;
  try {
    json = text === '' ? undefined : parseJson(text);
  } catch (cause) {
    throw new UnexpectedAnswer(about, status, 'it is not JSON whose numbers can be kept', text, { cause });
  }
  const checked = await answer?.['~standard'].validate(json);
  if (checked?.issues)
    throw new UnexpectedAnswer(about, status, checked.issues.map(({ message }) => message).join('; '), text);
  return settled(checked === undefined ? json : checked.value);
}

function problemOf(headers: Headers, text: string): ProblemDetails | undefined {
  if (!/^application\/problem\+json\b/i.test(headers.get('content-type') ?? '')) return undefined;
  const problem = jsonOr(text, undefined);
  if (typeof problem !== 'object' || problem === null) return undefined;
  const { type, title, detail } = problem as Record<string, unknown>;
  return { type: textOf(type), title: textOf(title), detail: textOf(detail) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function jsonOr(text: string, otherwise: undefined): unknown {
  try {
    return text === '' ? otherwise : (JSON.parse(text) as unknown);
  } catch {
    return otherwise;
  }
}
