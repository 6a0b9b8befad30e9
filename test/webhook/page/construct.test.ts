import { Match, Template } from 'aws-cdk-lib/assertions';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { DedupTable, WebhookPage, WebhookSender } from '../../../lib/index.js';
import { constructStack, noopEntry } from '../../fixtures/construct-stack.js';

test('a page behind an HTTP API, whose function reads its secret and the table of its sender and scans nothing', () => {
  const stack = constructStack();
  const sender = new WebhookSender(stack, 'Sender', {
    ...{ senderName: 'hooks', dedupTable: new DedupTable(stack, 'Dedup') },
    ...{ intakeEntry: noopEntry, workerEntry: noopEntry },
  });
  new WebhookPage(stack, 'Page', { sender, secret: new Secret(stack, 'Secret'), entry: noopEntry });
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
  const policies = JSON.stringify(template.findResources('AWS::IAM::Policy'));
  expect(policies).toContain('secretsmanager:GetSecretValue');
  expect(policies).not.toMatch(/dynamodb:(BatchWriteItem|Scan|\*)/);
});
