import type { Identity } from './request.js';

/**
 * Names who calls; keys of one caller are never looked up for another. Undefined or empty: nobody known, and the
 * request is refused. The name must be the same at every retry.
 */
export type CallerOf = (identity: Identity) => string | undefined;

/**
 * The caller that API Gateway or a function URL has authenticated.
 *
 * IAM: the user, or the role. Not the session of the role, which changes when an instance or a function is replaced
 * between two tries; but sessions of IAM Identity Center and Cognito identity pools are people who share one role,
 * and are told apart. JWT and Cognito tokens: issuer and subject. A Lambda authorizer returns what it likes, so its
 * users pass a function of their own.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export const authenticatedCaller: CallerOf = ({ iam, claims }) => {
  if (iam !== undefined) return JSON.stringify(['iam', iam.cognitoIdentityId ?? principalOf(iam.arn)]);
  return byClaim(claims, 'sub');
};

/**
 * The session of the role, where one role serves several callers and each has a session name of its own that does not
 * change between two tries. Else as {@link authenticatedCaller}.
 */
export const roleSessionCaller: CallerOf = (identity) =>
  identity.iam?.cognitoIdentityId === undefined && identity.iam !== undefined
    ? JSON.stringify(['session', identity.iam.arn])
    : authenticatedCaller(identity);

/**
 * A claim of a verified JWT, together with its issuer: such as `client_id`, or the tenant whose users share keys.
 *
 * @param name of a claim that is text
 */
export function claimCaller(name: string): CallerOf {
  return ({ claims }) => byClaim(claims, name);
}

/**
 * The API key of a REST API's usage plan, by its id. Keys are for counting and throttling, not for proving who calls:
 * put an authorizer or a private endpoint in front.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
 */
export const apiKeyCaller: CallerOf = ({ apiKeyId }) =>
  apiKeyId === undefined ? undefined : JSON.stringify(['api-key', apiKeyId]);

/**
 * The subject and issuer of the client's certificate, on a custom domain with mutual TLS. A renewed certificate is
 * the same caller; its serial number is another one.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mutual-tls.html
 */
export const clientCertificateCaller: CallerOf = ({ clientCertificate }) =>
  clientCertificate === undefined
    ? undefined
    : JSON.stringify(['certificate', clientCertificate.issuer, clientCertificate.subject]);

/**
 * Everybody is one caller: who knows or guesses a key reads the response saved under it. Only for keys that nobody
 * can guess, and responses that everybody may see.
 */
export const anonymousCaller: CallerOf = () => 'anonymous';

function byClaim(claims: Identity['claims'], name: string): string | undefined {
  const { iss, [name]: value } = claims ?? {};
  if (typeof value !== 'string' || value === '') return undefined;
  const issuer = typeof iss === 'string' ? iss : '';
  return JSON.stringify(name === 'sub' ? ['jwt', issuer, value] : ['jwt', issuer, name, value]);
}

/**
 * `arn:aws:sts::111122223333:assumed-role/Worker/i-0abc` is, whoever the session,
 * `arn:aws:sts::111122223333:assumed-role/Worker`.
 */
function principalOf(arn: string): string {
  const [, role, name] = /^(arn:[^:]+:sts::\d*:assumed-role\/([^/]+))\/.+$/.exec(arn) ?? [];
  return role === undefined || name?.startsWith('AWSReservedSSO_') ? arn : role;
}
