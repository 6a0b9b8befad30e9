import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { findIgnored, IgnoredByTargetError, typesOf } from '../../targets/ignored.js';
import type { Target } from '../../targets/target.js';

/**
 * Answers as LocalStack 4.14 does (CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES): what it ignores has no identity, or is
 * not listed, and every reference to it is "unknown". In two pages.
 */
const pages: Readonly<Record<string, string>> = {
  '': `<member><LogicalResourceId>Queue</LogicalResourceId><PhysicalResourceId>http://localhost/000000000000/q</PhysicalResourceId></member>
    <member><LogicalResourceId>Stage</LogicalResourceId><PhysicalResourceId></PhysicalResourceId></member>
    <NextToken>2</NextToken>`,
  '2': `<member><LogicalResourceId>Table</LogicalResourceId><PhysicalResourceId>table</PhysicalResourceId></member>
    <member><LogicalResourceId>Route</LogicalResourceId><PhysicalResourceId>unknown</PhysicalResourceId></member>`,
};
const template = (outputs: readonly string[]) =>
  JSON.stringify({
    Resources: {
      Queue: { Type: 'AWS::SQS::Queue' },
      Table: { Type: 'AWS::DynamoDB::Table' },
      Api: { Type: 'AWS::ApiGatewayV2::Api' },
      Stage: { Type: 'AWS::ApiGatewayV2::Stage' },
      Route: { Type: 'AWS::ApiGatewayV2::Stage' },
      CDKMetadata: { Type: 'AWS::CDK::Metadata' },
    },
    Outputs: Object.fromEntries(outputs.map((name) => [name, {}])),
  });

let server: Server;
let target: Target;
beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const asked = new URLSearchParams(body);
      if (asked.get('StackName') !== 'Stack') response.statusCode = 400;
      response.end(
        `<ListStackResourcesResult>${pages[asked.get('NextToken') ?? ''] ?? ''}</ListStackResourcesResult>`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const region = 'us-east-1';
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  target = {
    ...{ name: 'localstack', endpoint, region, account: '000000000000', polls: 'target', environment: {} },
    client: { endpoint, region, credentials, useQueueUrlAsEndpoint: false },
    httpUrl: (url) => url,
    stop: () => Promise.resolve(),
  };
});
afterAll(() => server.close());

test('what the target says it deployed and is not there is found by type, over all pages', async () => {
  const ignored = await findIgnored(target, 'Stack', template(['QueueUrl']), {
    QueueUrl: 'http://localhost/q',
  });
  expect(ignored.map(({ logicalId }) => logicalId)).toEqual(['Api', 'Stage', 'Route']);
  expect(typesOf(ignored)).toBe('AWS::ApiGatewayV2::Api, AWS::ApiGatewayV2::Stage (2)');
});

test.each([
  ['unknown', 'unknown'],
  ['an address of something unknown', 'https://unknown.execute-api.us-east-1.amazonaws.com/'],
  ['empty', ''],
  ['missing', undefined],
])('an output that is %s ends the deployment with its name and what is ignored', async (_, value) => {
  const found = findIgnored(
    target,
    'Stack',
    template(['ApiUrl']),
    value === undefined ? {} : { ApiUrl: value },
  );
  await expect(found).rejects.toBeInstanceOf(IgnoredByTargetError);
  await expect(found).rejects.toMatchObject({
    target: 'localstack',
    outputs: ['ApiUrl'],
    message: expect.stringMatching(
      /ApiUrl.*AWS::ApiGatewayV2::Api, AWS::ApiGatewayV2::Stage \(2\)/,
    ) as string,
  });
});

test('a target that does not say what it deployed is named with its answer', async () => {
  await expect(findIgnored(target, 'Other', template([]), {})).rejects.toMatchObject({
    name: 'TargetAnswerError',
    action: 'ListStackResources',
    status: 400,
  });
});
