import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import type { Api } from './idempotent-api.js';
import { defined, lambdaBody, rawBody, requestLimits } from './lambda-event.js';
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
    const { status, headers, body, cookies } = await api(
      {
        method: event.requestContext.http.method.toUpperCase(),
        path: event.rawPath,
        query: new URLSearchParams(event.rawQueryString),
        headers: lowerCased(event.headers),
        body: rawBody(event),
        params: defined(event.pathParameters),
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

function identityOf(context: object): Identity {
  const { iam, jwt, lambda } = (context as { authorizer?: Authorizer | null }).authorizer ?? {};
  return {
    iam: iam?.userArn
      ? { arn: iam.userArn, cognitoIdentityId: iam.cognitoIdentity?.identityId ?? undefined }
      : undefined,
    claims: jwt?.claims ?? undefined,
    context: lambda ?? undefined,
  };
}

function lowerCased(headers: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(defined(headers)).map(([name, value]) => [name.toLowerCase(), value]),
  );
}
