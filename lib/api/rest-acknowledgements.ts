import { Validations } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import type { IConstruct } from 'constructs';

/** What rules of cdk-nag ask of a REST API and this one has another answer to, with the reasons. */
export function acknowledge(
  api: RestApi,
  methods: readonly IConstruct[],
  chosen: { readonly authorizer: boolean; readonly webAcl: boolean },
): void {
  const reasons: [IConstruct, string, string][] = [
    [
      api,
      'AwsSolutions-APIG2',
      'The function checks the body with a schema, after it has looked for a saved answer.',
    ],
    [
      api.deploymentStage,
      'AwsSolutions-APIG6',
      'Execution logs hold keys and bodies, which may be personal data; there are access logs.',
    ],
    [
      api.deploymentStage,
      'Serverless-APIGWXrayEnabled',
      'Tracing is the choice of the author of the stack, and is set on `restApi`.',
    ],
    ...methods.map((method): [IConstruct, string, string] => [
      method,
      'AwsSolutions-COG4',
      chosen.authorizer ? 'The authorizer is that of the author of the stack.' : 'Callers sign (IAM).',
    ]),
  ];
  if (!chosen.webAcl)
    reasons.push([
      api.deploymentStage,
      'AwsSolutions-APIG3',
      'The author of the stack has given no `webAclArn`: callers are authenticated and throttled.',
    ]);
  const logRole = api.node.tryFindChild('CloudWatchRole');
  if (logRole !== undefined)
    reasons.push([
      logRole,
      'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
      'The policy that AWS keeps for this role; log groups of all REST APIs of the account are written by it.',
    ]);
  for (const [construct, id, reason] of reasons) Validations.of(construct).acknowledge({ id, reason });
}
