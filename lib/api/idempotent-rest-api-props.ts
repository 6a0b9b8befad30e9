import type { IAuthorizer } from 'aws-cdk-lib/aws-apigateway';
import type { IVpcEndpoint } from 'aws-cdk-lib/aws-ec2';
import type { KeyedApiProps } from './idempotent-api-props.js';

/** A REST API: dearer than an HTTP API, and it has a firewall, usage plans and private endpoints. */
export interface IdempotentRestApiProps extends KeyedApiProps {
  /**
   * Who lets callers in, and names them. Keys belong to a caller.
   *
   * @default - IAM: requests are signed (SigV4)
   */
  readonly authorizer?: IAuthorizer;

  /**
   * Whether every request needs an API key of the usage plan (`x-api-key`), beside its authorizer. Keys are added to
   * the plan with `usagePlan.addApiKey`. For a caller by API key the handler has to say `caller: apiKeyCaller`.
   *
   * @default false
   */
  readonly apiKeys?: boolean;

  /**
   * Most requests of one API key in a day. With `apiKeys` only.
   *
   * @default - as many as the rate allows
   */
  readonly dailyQuota?: number;

  /**
   * ARN of a regional web ACL of AWS WAF, which looks at requests first.
   *
   * @default - none
   */
  readonly webAclArn?: string;

  /**
   * Interface endpoints (`execute-api`) that alone may call: the API then has no public address.
   *
   * @default - a regional endpoint, which the Internet reaches
   */
  readonly vpcEndpoints?: IVpcEndpoint[];

  /**
   * Whether this stack makes the role by which API Gateway writes the access logs of REST APIs, and sets it for the
   * whole account in this Region. Where nobody has, the deployment fails ("CloudWatch Logs role ARN must be set in
   * account settings to enable logging"). Role and setting stay when the stack is deleted: other APIs need them.
   *
   * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html#set-up-access-logging-permissions
   * @default false - the account has one
   */
  readonly accountLogRole?: boolean;
}
