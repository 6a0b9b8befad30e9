import type { HttpRoute } from 'aws-cdk-lib/aws-apigatewayv2';
import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';

/** Permissions on an API. */
export class IdempotentApiGrants {
  /** @internal */
  constructor(private readonly routes: HttpRoute[]) {}

  /**
   * For callers of an API with the IAM authorizer, which is the default: call every route, with its methods.
   *
   * @throws Error with another authorizer, where permission is not IAM's to give
   */
  public invoke(grantee: IGrantable): Grant {
    const [first, ...others] = this.routes.map((route) => route.grantInvoke(grantee));
    if (first === undefined) throw new Error('an IdempotentApi has one route or more');
    return others.reduce((all, grant) => all.combine(grant), first);
  }
}
