import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda';
import type { Api } from './keyed-api.js';
import { certificateOf, defined, lambdaBody, rawBody, requestLimits, resourceOf } from './lambda-event.js';
import type { Identity } from './request.js';

/** A Lambda handler for a REST API with proxy integration. */
export type RestApiHandler = (
  event: APIGatewayProxyEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<APIGatewayProxyResult>;

/**
 * Puts an API behind an API Gateway REST API (v1). Answers of bytes need `binaryMediaTypes` on the API.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
 */
export function restApiHandler(api: Api): RestApiHandler {
  return async (event, context) => {
    const params = defined(event.pathParameters);
    const { status, headers, body, cookies } = await api(
      {
        method: event.httpMethod.toUpperCase(),
        // With the stage, as payload format 2.0 has it.
        path: event.requestContext.path,
        resource: resourceIn(event, params),
        query: queryOf(event),
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
      multiValueHeaders: cookies.length === 0 ? undefined : { 'set-cookie': [...cookies] },
      ...lambdaBody(body),
    };
  };
}

/** Tests of one's own may bring events without a route. */
function resourceIn(
  {
    resource,
    requestContext: { resourcePath, path = '' },
  }: {
    readonly resource?: string;
    readonly requestContext: { readonly resourcePath?: string; readonly path?: string };
  },
  params: Readonly<Record<string, string>>,
): string | undefined {
  const route = resourcePath ?? resource;
  return route === undefined ? undefined : resourceOf(route, params, path);
}

function queryOf({ multiValueQueryStringParameters }: APIGatewayProxyEvent): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, values = []] of Object.entries(multiValueQueryStringParameters ?? {}))
    for (const value of values) query.append(name, value);
  return query;
}

/** API Gateway gives both forms; only the one with all values shows a header that was sent twice. */
function headersOf({ headers, multiValueHeaders }: APIGatewayProxyEvent): Record<string, string> {
  const joined = Object.entries((multiValueHeaders as typeof multiValueHeaders | null) ?? {}).map(
    ([name, values = []]): [string, string] => [name.toLowerCase(), values.join(', ')],
  );
  const single = Object.entries(defined((headers as typeof headers | null) ?? {})).map(
    ([name, value]): [string, string] => [name.toLowerCase(), value],
  );
  return Object.fromEntries([...single, ...joined]);
}

function identityOf({ authorizer, identity }: APIGatewayProxyEvent['requestContext']): Identity {
  const { claims, ...context } = (authorizer ?? {}) as {
    claims?: Record<string, unknown>;
    [name: string]: unknown;
  };
  return {
    iam: identity.userArn
      ? { arn: identity.userArn, cognitoIdentityId: identity.cognitoIdentityId ?? undefined }
      : undefined,
    claims,
    apiKeyId: identity.apiKeyId ?? undefined,
    clientCertificate: certificateOf(identity.clientCert),
    context,
  };
}
