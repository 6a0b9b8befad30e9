import { InvalidEndpoint, InvalidTenant } from './errors.js';
import { destinationUrl, type Guard } from './guard/destination.js';
import { scheduleProblem } from './schedule.js';
import { secretProblem, type SigningSecret } from './sign.js';

type Scalar = string | number | boolean | null;

/** What is said of an endpoint when it is registered or changed. */
export interface EndpointSettings {
  /** Where deliveries are posted: `https:`, a public address, no credentials in it. */
  readonly url: string;
  /**
   * Types of events that it wants: a type, or the beginning of one with `*`, such as `invoice.*`.
   *
   * @default - all
   */
  readonly types?: readonly string[];
  /**
   * What members of an event's data must be: by path (`customer.country`) one value, or several of which one will do.
   *
   * @default - nothing
   */
  readonly match?: Readonly<Record<string, Scalar | readonly Scalar[]>>;
  /** Headers of its own, such as a token. At most 20, none of the protocol's. @default - none */
  readonly headers?: Readonly<Record<string, string>>;
  /** At least one that does not end. @default - for a new endpoint one is made */
  readonly secrets?: readonly SigningSecret[];
  /**
   * The next event is sent only when the one before it was taken or given up. An endpoint that is down holds back
   * everything that is meant for it. Fixed when it is registered.
   *
   * @default false
   */
  readonly ordered?: boolean;
  /** Most attempts per second. @default - no limit */
  readonly ratePerSecond?: number;
  /** Most attempts at once; 1 where it is `ordered`. @default - what the sender allows */
  readonly maxInFlight?: number;
  /** Seconds before each attempt. @default - the sender's */
  readonly schedule?: readonly number[];
}

/** Why no events are sent to an endpoint. */
export type DisabledReason = 'operator' | 'gone' | 'failing';

/** How an endpoint has been doing. Written only when it changes. */
export interface EndpointHealth {
  /** Epoch milliseconds of the first failure since its last success. */
  readonly firstFailureAt?: number;
  /** Failures in a row. */
  readonly failures?: number;
  /** Epoch milliseconds until which the breaker lets nothing through. */
  readonly openUntil?: number;
  /** The highest step of the way to disabling that was told of: 50, 70, 90 or 100. */
  readonly alerted?: number;
}

export interface Endpoint extends EndpointSettings {
  readonly tenant: string;
  readonly endpointId: string;
  readonly secrets: readonly SigningSecret[];
  /** Which worker sends to it: fixed when it is registered. */
  readonly shard: number;
  readonly disabled?: DisabledReason;
  readonly health: EndpointHealth;
  readonly createdAt: string;
}

const namePattern = /^[A-Za-z0-9_.-]{1,64}$/;
/** Names of headers that the protocol or the connection has for itself. */
const reservedHeader =
  /^(host|connection|content-.*|transfer-encoding|te|trailer|upgrade|expect|keep-alive|proxy-.*|webhook-.*)$/i;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const most = { types: 100, headers: 20, headerBytes: 4_096, secrets: 5, match: 10 };

/** @throws InvalidTenant */
export function assertTenant(tenant: unknown): asserts tenant is string {
  if (typeof tenant !== 'string' || !namePattern.test(tenant)) throw new InvalidTenant(tenant);
}

/** @throws InvalidEndpoint naming everything that is wrong. Names that resolve are checked at every attempt. */
export function assertEndpoint(settings: EndpointSettings, guard: Guard): void {
  const {
    types = [],
    match = {},
    headers = {},
    secrets = [],
    ratePerSecond,
    maxInFlight,
    schedule,
  } = settings;
  const problems: (string | undefined)[] = [urlProblem(settings.url, guard), headersProblem(headers)];
  if (types.length > most.types || types.some((type) => !/^[A-Za-z0-9_.:/-]{1,255}\*?$/.test(type)))
    problems.push(
      `types must be at most ${most.types} of letters, digits and _.:/-, with a * at the end for a beginning`,
    );
  if (Object.keys(match).length > most.match) problems.push(`match may have ${most.match} paths`);
  if (secrets.length > most.secrets) problems.push(`an endpoint may have ${most.secrets} secrets`);
  problems.push(...secrets.map(secretProblem));
  if (!secrets.some(({ until }) => until === undefined))
    problems.push('it has no secret without an end, and would be sent to unsigned; give one');
  if (ratePerSecond !== undefined && !(ratePerSecond > 0 && ratePerSecond <= 10_000))
    problems.push(`ratePerSecond must be above 0 and at most 10,000, got ${ratePerSecond}`);
  if (
    maxInFlight !== undefined &&
    !(Number.isInteger(maxInFlight) && maxInFlight >= 1 && maxInFlight <= 1_000)
  )
    problems.push(`maxInFlight must be a whole number from 1 to 1,000, got ${maxInFlight}`);
  if (schedule !== undefined) problems.push(scheduleProblem(schedule));
  const found = problems.filter((problem) => problem !== undefined);
  if (found.length > 0) throw new InvalidEndpoint(found);
}

function urlProblem(url: string, guard: Guard): string | undefined {
  try {
    destinationUrl(url, guard);
  } catch (error) {
    return `url: ${error instanceof Error ? error.message : 'is no URL'}`;
  }
  return url.length > 2_048 ? `url has ${url.length} characters, at most 2,048 are allowed` : undefined;
}

function headersProblem(headers: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(headers);
  const bytes = entries.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (entries.length > most.headers || bytes > most.headerBytes)
    return `headers may be ${most.headers} of ${most.headerBytes} characters in all`;
  const wrong = entries.find(
    ([name, value]) => !token.test(name) || reservedHeader.test(name) || !/^[\t\x20-\x7e]*$/.test(value),
  );
  return wrong && `header '${wrong[0]}' is the protocol's own, or holds what no header may`;
}

/** Whether an endpoint wants an event. */
export function wants({ types, match = {} }: EndpointSettings, type: string, data: unknown): boolean {
  const typed =
    types === undefined ||
    types.some((wanted) => (wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted));
  return (
    typed &&
    Object.entries(match).every(([path, allowed]) => {
      const value = memberOf(data, path);
      return Array.isArray(allowed) ? allowed.includes(value) : value === allowed;
    })
  );
}

function memberOf(data: unknown, path: string): unknown {
  let value = data;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
