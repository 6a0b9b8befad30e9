import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validations, App, type Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { DedupTable, WebhookPage, WebhookSender } from '../../../lib/index.js';
import { constructStack, noopEntry } from '../../fixtures/construct-stack.js';

interface Statement {
  readonly Action: string | string[];
  readonly Resource: unknown;
}

interface Report {
  readonly pluginReports: readonly {
    readonly violations: readonly {
      readonly ruleName: string;
      readonly violatingConstructs: readonly { readonly constructPath: string }[];
    }[];
  }[];
}

function pageIn(stack: Stack): WebhookPage {
  const sender = new WebhookSender(stack, 'Sender', {
    ...{ senderName: 'hooks', dedupTable: new DedupTable(stack, 'Dedup') },
    ...{ intakeEntry: noopEntry, workerEntry: noopEntry },
  });
  return new WebhookPage(stack, 'Page', { sender, secret: new Secret(stack, 'Secret'), entry: noopEntry });
}

test('a page behind an HTTP API, whose function is told where the table and its secret are', () => {
  const stack = constructStack();
  pageIn(stack);
  const template = Template.fromStack(stack);
  for (const RouteKey of ['GET /', 'POST /', 'GET /{proxy+}'])
    template.hasResourceProperties('AWS::ApiGatewayV2::Route', { RouteKey });
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: {
      Variables: Match.objectLike({
        EXACTLY_ONCE_WEBHOOK_SENDER: 'hooks',
        EXACTLY_ONCE_WEBHOOK_PAGE_SECRET: Match.anyValue(),
      }),
    },
  });
});

test('the function may do what its code does on each resource, and nothing else', () => {
  const stack = constructStack();
  pageIn(stack);
  const policies = Object.entries(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
  const [, policy] = policies.find(([id]) => id.startsWith('PageHandler'))!;
  const { Statement } = (policy['Properties'] as { PolicyDocument: { Statement: Statement[] } })
    .PolicyDocument;
  const granted = Statement.map(({ Action, Resource }) => [
    JSON.stringify(Resource).replace(
      /^.*?"(?:Ref|Fn::GetAtt)":\[?"([A-Za-z]+?)(?:[0-9A-F]{8}|Resource).*$/,
      '$1',
    ),
    [Action].flat().sort(),
  ]);
  expect(Object.fromEntries(granted)).toEqual({
    // Reads by BatchGetItem and Query; a test is put, a delivery and an endpoint are updated; nothing is deleted.
    SenderTable: ['BatchGetItem', 'PutItem', 'Query', 'UpdateItem'].map((action) => `dynamodb:${action}`),
    SenderWake: ['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:SendMessage'],
    Secret: ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'],
    PageHandlerLogs: ['logs:CreateLogStream', 'logs:PutLogEvents'],
  });
});

test('nothing is left that the AwsSolutions and Serverless rules of cdk-nag object to', () => {
  const outdir = mkdtempSync(join(tmpdir(), 'page-'));
  const printed = jest.spyOn(console, 'error').mockReturnValue();
  try {
    const stack = constructStack(undefined, outdir);
    const { node } = pageIn(stack);
    const app = stack.node.root;
    if (!App.isApp(app)) throw new TypeError('the stack is in no app');
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app));
    try {
      app.synth();
    } catch {
      // Findings of the sender and of what the test puts beside it; those of the page are looked at below.
    }
    const report = JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8')) as Report;
    const found = report.pluginReports.flatMap(({ violations }) =>
      violations.flatMap(({ ruleName, violatingConstructs }) =>
        violatingConstructs.map(({ constructPath }) => `${ruleName} ${constructPath}`),
      ),
    );
    expect(found.filter((finding) => finding.includes(`${node.path}/`))).toEqual([]);
    // The rules are applied: the secret of this test is not rotated.
    expect(found.join()).toContain('AwsSolutions-SMG4 Stack/Secret/Resource');
  } finally {
    printed.mockRestore();
    rmSync(outdir, { recursive: true });
  }
});
