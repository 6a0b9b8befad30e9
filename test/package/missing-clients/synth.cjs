/** Prints what constructs say in an app without the AWS clients that may be left out. Pages are beside it. */
const { join } = require('node:path');
const { App, Stack } = require('aws-cdk-lib');
const { EventBus } = require('aws-cdk-lib/aws-events');
const { Topic } = require('aws-cdk-lib/aws-sns');
const constructs = require('exactly-once-aws');
const { topicTarget } = require('exactly-once-aws/outbox');

const app = new App();
const stack = new Stack(app, 'Stack');
const dedupTable = new constructs.DedupTable(stack, 'Dedup');
const channel = (id) => new constructs.MessageChannel(stack, id, { kind: constructs.ChannelKind.STANDARD });
const file = (...path) => join(__dirname, ...path);

function said(make) {
  try {
    const { node } = make();
    return node
      .findAll()
      .flatMap((child) => child.node.metadata)
      .filter(({ type }) => type === 'aws:cdk:warning')
      .map(({ data }) => data);
  } catch ({ name, message }) {
    return `${name}: ${message}`;
  }
}

function relay(id, target) {
  return said(
    () =>
      new constructs.OutboxRelay(stack, `${id}Relay`, {
        outbox: new constructs.OutboxTable(stack, `${id}Outbox`),
        entry: file('docs-outbox-md', 'relay.ts'),
        targets: [target],
      }),
  );
}

function api(id, props) {
  return said(
    () =>
      new constructs.IdempotentApi(stack, id, {
        apiName: id,
        routes: [{ path: '/payments' }],
        dedupTable,
        ...props,
      }),
  );
}

async function main() {
  const findings = {
    'relay to a queue': relay('Queue', constructs.RelayTarget.channel(channel('Events'))),
    'relay to a topic': relay('Topic', constructs.RelayTarget.topic(new Topic(stack, 'News'))),
    'relay to a bus': relay('Bus', constructs.RelayTarget.eventBus(new EventBus(stack, 'EventBus'))),
    api: api('small', { entry: file('docs-api-md', 'payments.ts') }),
    'api with big answers': api('big', { bigResponses: true, entry: file('s3-api.mjs') }),
    'consumer of payloads in S3': said(
      () =>
        new constructs.IdempotentConsumer(stack, 'Big', {
          consumerName: 'big-messages',
          channel: channel('BigMessages'),
          dedupTable,
          entry: file('s3-consumer.mjs'),
        }),
    ),
    'producer of jobs': said(
      () =>
        new constructs.HandlerFunction(stack, 'Order', { entry: file('docs-jobs-md', 'order-report.ts') }),
    ),
    'topic at run time': await topicTarget({ topicArn: 'arn:aws:sns:us-east-1:000000000000:news' })
      .send([], { signal: AbortSignal.timeout(1000) })
      .catch(({ name, message }) => `${name}: ${message}`),
  };
  console.log(JSON.stringify(findings));
}

main();
