import { CfnParameter, Stack } from 'aws-cdk-lib';
import { AttributeType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { ChannelKind, CommitWay, MessageChannel, type IdempotentConsumerProps } from '../../lib/index.js';
import { path, reportOf, rowsOf } from './reported.js';

describe('the cost of a million messages', () => {
  const cost = (props: Partial<IdempotentConsumerProps>, kind = ChannelKind.FIFO) =>
    rowsOf(
      reportOf((app) => {
        const stack = new Stack(app, 'Stack');
        path(stack, 'Mail', { channel: new MessageChannel(stack, 'Channel', { kind }), ...props });
      }),
      'Stack/Mail (IdempotentConsumer)',
      'Cost of one million messages',
    );
  const amounts = (rows: string[][]) =>
    Object.fromEntries(rows.map(([part, , full, alone]) => [part, [full, alone]])) as Record<string, unknown>;

  test('follows from the settings: a FIFO path with three writes in one transaction', () => {
    const rows = cost({ writesPerMessage: 3 });
    expect(amounts(rows)).toEqual({
      'SQS requests': ['$0.60', '$1.50'],
      Lambda: ['$0.04', '$0.37'],
      'CloudWatch Logs': ['$0.03', '$0.35'],
      'DynamoDB writes': ['$5.00', '$5.00'],
      'receipts kept': ['$0.38', '$0.38'],
      all: ['$6.05', '$7.60'],
    });
    expect(rows[3]?.[1]).toBe('8 write units (2 for the receipt, 6 for 3 items of 2) x $0.625');
  });

  test.each([
    [CommitWay.INSERT, 1, '$0.63'],
    [CommitWay.AGGREGATE, 0.1, '$0.06'],
    [CommitWay.NATURAL, 2, '$1.25'],
  ])('%s with %d writes: no receipt is paid for or kept', (commitWay, writesPerMessage, dollars) => {
    const { 'DynamoDB writes': writes, 'receipts kept': kept } = amounts(
      cost({ commitWay, writesPerMessage }),
    );
    expect([writes, kept]).toEqual([[dollars, dollars], undefined]);
  });

  test('a transaction whose receipt is a row of the handler is 2 write units cheaper, and the report says so', () => {
    const report = reportOf((app) => {
      const stack = new Stack(app, 'Stack');
      const receiptTable = new Table(stack, 'Rows', {
        partitionKey: { name: 'id', type: AttributeType.STRING },
      });
      path(stack, 'Mail', { receiptTable, writesPerMessage: 3 });
    });
    const rows = rowsOf(report, 'Stack/Mail (IdempotentConsumer)', 'Cost of one million messages');
    expect(amounts(rows)['DynamoDB writes']).toEqual(['$3.75', '$3.75']);
    expect(amounts(rows)['receipts kept']).toBeUndefined();
    expect(report).toContain(
      "The row that the handler inserts into 'Stack/Rows' is the receipt of its message (`receipt` of `sqsConsumer`): 2 write units less a message than with a receipt of its own.",
    );
  });

  test('the processor, the memory, the kind and the size of batches count', () => {
    const standard = amounts(
      cost({ architecture: Architecture.X86_64, memorySize: 1024, batchSize: 5 }, ChannelKind.STANDARD),
    );
    // 0.2 + 0.05 s x 1 GB x 16.6667 a million; 0.4 + 0.1 for fair queues.
    expect(standard).toMatchObject({ Lambda: ['$0.21', '$1.03'], 'SQS requests': ['$0.70', '$1.50'] });
  });

  test('the function itself is looked at where the app makes it', () => {
    const report = reportOf((app) => {
      const stack = new Stack(app, 'Stack');
      const handler = new LambdaFunction(stack, 'Function', {
        runtime: Runtime.NODEJS_24_X,
        handler: 'index.handler',
        code: Code.fromInline('exports.handler = () => {}'),
        memorySize: 2048,
      });
      path(stack, 'Mail', { handler, entry: undefined });
    });
    expect(report).toContain('1 / b x ($0.20 + 1,000,000 x 2 GB x 0.05 s x $0.0000166667), x86_64');
  });

  test('is left out where a value of it is known only at deployment', () => {
    const report = reportOf((app) => {
      const stack = new Stack(app, 'Stack');
      path(stack, 'Mail', { batchSize: new CfnParameter(stack, 'Batch', { type: 'Number' }).valueAsNumber });
    });
    expect(report).not.toContain('Cost of one million');
    expect(report).toContain('| known at deployment only |');
  });
});

test('says how fast a backlog drains, and what the age alarm leaves time for', () => {
  const report = reportOf((app) =>
    path(new Stack(app, 'Stack'), 'Mail', { maxConcurrency: 5, batchSize: 10 }),
  );
  expect(report).toContain(
    'A backlog drains at 1,000 messages a second (`maxConcurrency` 5, batches of 10, 50 ms each), and at 1 when every batch takes its whole timeout of 30 seconds. ' +
      'The age alarm goes off at half of the retention, 2 days before messages expire: time to drain 172,800,000 messages, or 288,000. ' +
      'All of it while at least 5 groups are active: a group has one batch at a time, so one alone drains at 200 a second.',
  );
  const standard = reportOf((app) => {
    const stack = new Stack(app, 'Stack');
    const channel = new MessageChannel(stack, 'Channel', { kind: ChannelKind.STANDARD });
    path(stack, 'Mail', { channel, maxConcurrency: 5 });
  });
  expect(standard).toContain('A backlog drains at');
  expect(standard).not.toContain('groups are active');
});
