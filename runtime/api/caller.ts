import type { Identity } from './request.js';

/**
 * Names who calls; keys of one caller are never looked up for another. Undefined: nobody known, and the request is
 * refused. The name must be the same at every retry.
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
  const { iss, sub } = claims ?? {};
  if (typeof sub === 'string' && sub !== '')
    return JSON.stringify(['jwt', typeof iss === 'string' ? iss : '', sub]);
  return undefined;
};

/**
 * Everybody is one caller: who knows or guesses a key reads the response saved under it. Only for keys that nobody
 * can guess, and responses that everybody may see.
 */
export const anonymousCaller: CallerOf = () => 'anonymous';

/**
 * `arn:aws:sts::111122223333:assumed-role/Worker/i-0abc` is, whoever the session,
 * `arn:aws:sts::111122223333:assumed-role/Worker`.
 */
function principalOf(arn: string): string {
  const [, role, name] = /^(arn:[^:]+:sts::\d*:assumed-role\/([^/]+))\/.+$/.exec(arn) ?? [];
  return role === undefined || name?.startsWith('AWSReservedSSO_') ? arn : role;
}
