import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type { Api } from './keyed-api.js';
import { certificateOf, defined, lambdaBody, rawBody, requestLimits, resourceOf } from './lambda-event.js';
import type { Identity } from './request.js';

/** A Lambda handler for an HTTP API or a function URL, both of which send payload format 2.0. */
export type HttpApiHandler = (
  event: APIGatewayProxyEventV2,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<APIGatewayProxyStructuredResultV2>;

/**
 * Puts an API behind an API Gateway HTTP API, payload format 2.0.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function httpApiHandler(api: Api): HttpApiHandler {
  return async (event, context) => {
    const params = defined(event.pathParameters);
    const { status, headers, body, cookies } = await api(
      {
        method: event.requestContext.http.method.toUpperCase(),
        path: event.rawPath,
        resource: resourceIn(event, params),
        query: new URLSearchParams(event.rawQueryString),
        rawQuery: event.rawQueryString,
        headers: headersOf(event),
        body: rawBody(event),
        params,
        identity: identityOf(event.requestContext),
      },
      requestLimits(context),
    );
    return {
      statusCode: status,
      headers: { ...headers },
      ...lambdaBody(body),
      ...(cookies.length === 0 ? {} : { cookies: [...cookies] }),
    };
  };
}

/**
 * Puts an API behind a Lambda function URL. Give it AuthType AWS_IAM: with NONE no caller is known.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
 */
export function functionUrlHandler(api: Api): HttpApiHandler {
  return httpApiHandler(api);
}

/**
 * `POST /payments/{id}` names the route. `$default` names none: then it is the path, without the stage that the
 * address of the API has in front of it.
 */
function resourceIn(
  { routeKey, rawPath, requestContext: { stage } }: APIGatewayProxyEventV2,
  params: Readonly<Record<string, string>>,
): string | undefined {
  const route = /^\S+ (\/.*)$/.exec(routeKey)?.[1];
  if (route !== undefined) return resourceOf(route, params, rawPath);
  // A stage of that name is in no address, and function URLs have no other.
  if (stage === '$default') return rawPath;
  const prefix = `/${stage}`;
  return rawPath === prefix || rawPath.startsWith(`${prefix}/`)
    ? rawPath.slice(prefix.length) || '/'
    : rawPath;
}

/**
 * What the types of aws-lambda spread over several events; any of it may be missing, and is `null` on function URLs.
 */
interface Authorizer {
  readonly iam?: {
    readonly userArn?: string | null;
    readonly cognitoIdentity?: { readonly identityId?: string | null } | null;
  } | null;
  readonly jwt?: { readonly claims?: Record<string, unknown> | null } | null;
  readonly lambda?: Record<string, unknown> | null;
}

interface RequestContext {
  readonly authorizer?: Authorizer | null;
  readonly authentication?: {
    readonly clientCert?: { readonly subjectDN: string; readonly issuerDN: string } | null;
  } | null;
}

function identityOf(context: object): Identity {
  const { authorizer, authentication } = context as RequestContext;
  const { iam, jwt, lambda } = authorizer ?? {};
  return {
    clientCertificate: certificateOf(authentication?.clientCert),
    iam: iam?.userArn
      ? { arn: iam.userArn, cognitoIdentityId: iam.cognitoIdentity?.identityId ?? undefined }
      : undefined,
    claims: jwt?.claims ?? undefined,
    context: lambda ?? undefined,
  };
}

/** Format 2.0 takes the cookies out of the headers. */
function headersOf({ headers, cookies }: APIGatewayProxyEventV2): Record<string, string> {
  const lines = (cookies as readonly string[] | null | undefined) ?? [];
  const lowerCased = Object.fromEntries(
    Object.entries(defined(headers)).map(([name, value]) => [name.toLowerCase(), value]),
  );
  return lines.length === 0 ? lowerCased : { ...lowerCased, cookie: lines.join('; ') };
}
