import { Duration, Token } from 'aws-cdk-lib';
import { HttpNoneAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2';
import type { IConstruct } from 'constructs';
import { atLeast, isKnown, type Inequality } from '../guarantees/inequality.js';
import type { Violation } from '../guarantees/invalid-props.js';
import { storeViolations } from '../guarantees/one-store.js';
import { nameIsItsOwn } from '../guarantees/own-name.js';
import { environmentViolations } from '../guarantees/reserved-environment.js';
import { nameViolations } from '../guarantees/stable-name.js';
import { tokenDuration } from '../guarantees/token-duration.js';
import { answersBeforeTheGateway } from './gateway-rules.js';
import type { IdempotentApiProps, KeyedApiProps } from './idempotent-api-props.js';

/** As browsers send it. */
const originPattern = /^(?:\*|[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+)$/;
const longestWindow = Duration.days(30);

/** The props with their defaults, as far as inequalities compare them. */
export interface ApiValues {
  readonly apiName: string;
  readonly window: Duration;
  readonly clientRetryHorizon: Duration;
  readonly timeout: Duration;
  /** Undefined where the receipts are in Postgres. */
  readonly table: IConstruct | undefined;
  /** Another construct that has the name on the table. */
  readonly namesake: IConstruct | undefined;
}

/**
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
 */
export function apiInequalities(values: ApiValues): Inequality[] {
  const { apiName, window, clientRetryHorizon, timeout, table, namesake } = values;
  const inequalities = [
    isKnown(clientRetryHorizon) && isKnown(timeout)
      ? atLeast(
          {
            id: 'window-covers-client-retries',
            prevents: 'a client tries again after its key is forgotten, and the request acts again (doubled)',
            change: 'raise `window`, or lower `clientRetryHorizon`',
          },
          { name: 'window', value: window },
          { name: 'clientRetryHorizon + timeout', value: clientRetryHorizon.plus(timeout) },
        )
      : undefined,
    atLeast(
      {
        id: 'window-is-bounded',
        prevents: 'saved answers pile up, and a client that reuses keys is refused for ever',
        change: 'lower `window`; what must be known for longer is a business key, not an Idempotency-Key',
      },
      { name: 'longest window', value: longestWindow },
      { name: 'window', value: window },
    ),
    answersBeforeTheGateway(
      timeout,
      'API Gateway answers 504 for a request that goes on and commits, and every client tries again',
    ),
    table &&
      nameIsItsOwn(
        {
          id: 'api-name-unique',
          prevents: 'one API or consumer takes the receipts of the other for its own (lost)',
          change: 'give each API and consumer its own name, or its own `dedupTable`',
        },
        { prop: 'apiName', name: apiName },
        table,
        namesake,
      ),
  ];
  return inequalities.filter((inequality) => inequality !== undefined);
}

const followed = 'known at synth, because alarms and objects follow from it';

/** What is wrong with the props by themselves. */
export function apiViolations(props: KeyedApiProps): Violation[] {
  const { apiName, routes, window, timeout, environment = {} } = props;
  const violations: (Violation | undefined)[] = [
    ...nameViolations(
      'api-name-stable',
      'apiName',
      apiName,
      'keys are found by it for as long as they are known',
    ),
    routes.length === 0
      ? { id: 'routes-given', given: '`routes` is empty', allowed: 'one or more', change: 'give `routes`' }
      : undefined,
    window !== undefined &&
    isKnown(window) &&
    !(window.toMilliseconds() > 0 && window.toMilliseconds() % 1_000 === 0)
      ? {
          id: 'window-is-bounded',
          given: `window is ${window.toMilliseconds()} ms`,
          allowed: 'whole seconds, one or more',
          change: 'change `window`',
        }
      : undefined,
    tokenDuration('window', window, followed),
    tokenDuration('timeout', timeout, followed),
    ...storeViolations(props),
    ...bucketViolations(props),
    ...corsViolations(props),
    ...throttleViolations(props),
    ...environmentViolations(environment),
  ];
  return violations.filter((violation) => violation !== undefined);
}

/** Of an HTTP API. */
export function callerViolations({ authorizer, anonymous }: IdempotentApiProps): Violation[] {
  const id = 'callers-known';
  if (anonymous === true && authorizer !== undefined)
    return [
      {
        id,
        given: '`anonymous` is true beside `authorizer`',
        allowed: 'one of them',
        change: 'remove `authorizer`, or `anonymous`',
      },
    ];
  if (anonymous !== true && authorizer instanceof HttpNoneAuthorizer)
    return [
      {
        id,
        given: '`authorizer` is HttpNoneAuthorizer',
        allowed: 'one that names callers',
        change:
          'give another `authorizer`, or `anonymous: true` instead: then everybody shares one set of keys',
      },
    ];
  return [];
}

function bucketViolations({ bigResponses, receiptsInPostgres }: KeyedApiProps): Violation[] {
  if (bigResponses !== true || receiptsInPostgres !== true) return [];
  return [
    {
      id: 'no-bucket-beside-postgres',
      given: '`bigResponses` is true beside `receiptsInPostgres`',
      allowed: 'one of them: in Postgres the row of a receipt holds answers of any size',
      change: 'remove `bigResponses`',
    },
  ];
}

function corsViolations({ corsOrigins, corsHeaders }: KeyedApiProps): Violation[] {
  const id = 'cors-origins-given';
  const change = 'give `corsOrigins`, or remove it';
  const wrong = corsOrigins?.find((origin) => !Token.isUnresolved(origin) && !originPattern.test(origin));
  if (wrong !== undefined)
    return [
      { id, given: `corsOrigins has '${wrong}'`, allowed: "'*', or scheme and host without a path", change },
    ];
  if (corsOrigins?.length === 0)
    return [{ id, given: '`corsOrigins` is empty', allowed: 'one or more origins', change }];
  return corsHeaders === undefined || corsOrigins !== undefined
    ? []
    : [{ id, given: '`corsHeaders` without `corsOrigins`', allowed: 'both or none', change }];
}

function throttleViolations({ rateLimit, burstLimit }: KeyedApiProps): Violation[] {
  return Object.entries({ rateLimit, burstLimit })
    .filter(([, value]) => value !== undefined && !Token.isUnresolved(value) && !(value > 0))
    .map(([prop, value]) => ({
      id: 'throttle-above-zero',
      given: `${prop} is ${value}`,
      allowed: 'above 0, which would refuse every request',
      change: `change \`${prop}\``,
    }));
}
