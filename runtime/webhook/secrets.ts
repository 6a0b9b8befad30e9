import { DependencyFailed, InvalidSettings } from '../dedup/errors.js';
import { inTime } from './in-time.js';

/** Secrets of one source, those of a rotation side by side. */
export interface SecretSource {
  /**
   * Those that count now.
   *
   * @param fresh a signature was not right with what is known: the secret may have been exchanged.
   * @throws DependencyFailed when they cannot be read.
   */
  secrets(fresh: boolean): Promise<readonly string[]>;
}

/** One secret, with the end of its overlap. */
export interface EndingSecret {
  readonly secret: string;
  /** From then on it counts no more. ISO 8601. @default - no end */
  readonly until?: string;
}

/**
 * Secrets that the function is given at start. For tests, and for what is no secret, such as public keys and the
 * webhook ids of PayPal.
 *
 * @throws InvalidSettings when there is none, or an end is no time.
 */
export function fixedSecrets(...given: readonly (string | EndingSecret)[]): SecretSource {
  const ending = given.map((one) => (typeof one === 'string' ? { secret: one } : one));
  const problems = problemsOf(ending);
  if (problems !== undefined) throw new InvalidSettings([problems]);
  return { secrets: () => Promise.resolve(current(ending)) };
}

export interface SecretsManagerOptions {
  /** Name or ARN. */
  readonly secretId: string;
  /** How long it is kept in memory, in seconds. @default 300 */
  readonly maxAgeSeconds?: number;
  /**
   * Reads it anew. @default - Powertools Parameters: install @aws-lambda-powertools/parameters and
   * @aws-sdk/client-secrets-manager
   */
  readonly read?: (secretId: string) => Promise<string | undefined>;
}

/** A wrong signature makes the secret be read again, but not more often than this: anybody can send wrong ones. */
const freshAfterMs = 30_000;

/**
 * Secrets out of AWS Secrets Manager: the text of one, or JSON, a list of texts and `{ secret, until }`. While two
 * are listed both count, so that a rotation loses nothing: put the new one beside the old one with its end. Whatever
 * reads it has five seconds for it; after that, and when it fails, the next request has it read again.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets.html
 */
export function secretsManager({
  secretId,
  maxAgeSeconds = 300,
  read = readSecret,
}: SecretsManagerOptions): SecretSource {
  if (!secretId) throw new InvalidSettings(['secretId is empty; is its environment variable set?']);
  let known: { readonly at: number; readonly secrets: Promise<readonly EndingSecret[]> } | undefined;
  return {
    async secrets(fresh) {
      const now = Date.now();
      const kept = fresh ? freshAfterMs : maxAgeSeconds * 1000;
      if (known === undefined || now - known.at >= kept) {
        const reading = inTime(read(secretId)).then((text) => parsed(secretId, text));
        known = { at: now, secrets: reading };
        reading.catch(() => (known = undefined));
      }
      try {
        return current(await known.secrets);
      } catch (cause) {
        if (cause instanceof InvalidSettings) throw cause;
        throw new DependencyFailed(`secret '${secretId}' cannot be read`, { cause });
      }
    },
  };
}

function parsed(secretId: string, text: string | undefined): readonly EndingSecret[] {
  if (!text) throw new InvalidSettings([`secret '${secretId}' has no text`]);
  let given: unknown = text;
  if (/^\s*[[{]/.test(text)) {
    try {
      given = JSON.parse(text);
    } catch {
      // The error of the parser quotes the secret.
      throw new InvalidSettings([`secret '${secretId}' begins like JSON and is none`]);
    }
  }
  const list = (Array.isArray(given) ? given : [given]) as readonly (string | EndingSecret)[];
  const ending = list.map((one) => (typeof one === 'string' ? { secret: one } : one));
  const problem = problemsOf(ending);
  if (problem !== undefined) throw new InvalidSettings([`secret '${secretId}': ${problem}`]);
  return ending;
}

function problemsOf(ending: readonly EndingSecret[]): string | undefined {
  if (ending.length === 0) return 'there is no secret in it; list one at least';
  for (const one of ending as readonly Partial<EndingSecret>[]) {
    if (typeof one.secret !== 'string' || one.secret === '')
      return 'an entry must be a text that is not empty, or { "secret": text, "until": ISO 8601 }';
    if (one.until !== undefined && Number.isNaN(Date.parse(one.until)))
      return 'an `until` is no time; write ISO 8601, such as 2026-12-01T00:00:00Z';
  }
  return undefined;
}

function current(ending: readonly EndingSecret[]): readonly string[] {
  const now = Date.now();
  return ending
    .filter(({ until }) => until === undefined || Date.parse(until) > now)
    .map(({ secret }) => secret);
}

async function readSecret(secretId: string): Promise<string | undefined> {
  const { getSecret } = await import('@aws-lambda-powertools/parameters/secrets');
  // It is kept here, with what was read out of it.
  const secret = await getSecret(secretId, { forceFetch: true });
  return typeof secret === 'string' ? secret : secret && Buffer.from(secret).toString();
}
