import { type Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { AttributeType, type ITable, Table } from 'aws-cdk-lib/aws-dynamodb';
import {
  ChannelKind,
  CommitWay,
  DedupTable,
  IdempotentConsumer,
  MessageChannel,
  type IdempotentConsumerProps,
} from '../../lib/index.js';
import { constructStack, noopEntry, refusal } from '../fixtures/construct-stack.js';

const consumerIn = (stack: Stack, given: Partial<IdempotentConsumerProps>) =>
  new IdempotentConsumer(stack, 'Consumer', {
    consumerName: 'ledger',
    channel: new MessageChannel(stack, 'Channel', { kind: ChannelKind.FIFO }),
    entry: noopEntry,
    ...given,
  });

const rows = (stack: Stack, timeToLiveAttribute?: string) =>
  new Table(stack, 'Rows', {
    partitionKey: { name: 'pk', type: AttributeType.STRING },
    timeToLiveAttribute,
  });

const unproven = (stack: Stack) =>
  Annotations.fromStack(stack)
    .findWarning('*', Match.stringLikeRegexp('unproven'))
    .map(({ entry }) => /check: ([^;]*);/.exec(entry.data as string)?.[1]);

test('a transaction needs a table of receipts', () => {
  expect(refusal(() => consumerIn(constructStack(), {})).message).toBe(
    "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
      '  - `dedupTable` is left out, must be given, because a transaction writes a receipt: give `dedupTable`, or the `commitWay` of the handler if it is another one [receipts-need-a-table]',
  );
});

test.each([CommitWay.INSERT, CommitWay.AGGREGATE, CommitWay.NATURAL])(
  '%s does without: no permission on receipts, no variables for them',
  (commitWay) => {
    const stack = constructStack();
    consumerIn(stack, { commitWay });
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::Lambda::Function', {
      Environment: {
        Variables: {
          EXACTLY_ONCE_CONSUMER_NAME: 'ledger',
          EXACTLY_ONCE_DEDUP_TABLE: Match.absent(),
          EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: Match.absent(),
          EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: Match.anyValue(),
        },
      },
    });
    expect(JSON.stringify(template.findResources('AWS::IAM::Policy'))).not.toContain('dynamodb:');
  },
);

test.each([
  [CommitWay.INSERT, ['proof-rows-never-expire, proof-rows-are-kept']],
  [CommitWay.AGGREGATE, ['proof-rows-never-expire, proof-rows-are-kept']],
  [CommitWay.NATURAL, ['naturally-idempotent']],
])('%s: what only its author can know is unproven', (commitWay, expected) => {
  const stack = constructStack();
  consumerIn(stack, { commitWay });
  expect(unproven(stack)).toEqual(expected);
});

describe.each([CommitWay.INSERT, CommitWay.AGGREGATE])('%s', (commitWay) => {
  test('fails when rows that are the proof expire', () => {
    const stack = constructStack();
    const effectTable = rows(stack, 'ttl');
    expect(refusal(() => consumerIn(stack, { commitWay, effectTable })).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        "  - TTL attribute of 'Stack/Rows' is 'ttl', must be none: take the TTL off the table, or give another `effectTable` [proof-rows-never-expire]",
    );
  });

  test('rows that never expire are proven to, of a table that the app makes', () => {
    const stack = constructStack();
    consumerIn(stack, { commitWay, effectTable: rows(stack) });
    expect(unproven(stack)).toEqual(['proof-rows-are-kept']);
  });

  test('of another table it is unproven', () => {
    const stack = constructStack();
    consumerIn(stack, { commitWay, effectTable: Table.fromTableName(stack, 'Theirs', 'ledger') });
    expect(unproven(stack)).toEqual(['proof-rows-never-expire, proof-rows-are-kept']);
  });
});

test('fails when a table of effects is given that is no proof, or writes cannot be counted', () => {
  const stack = constructStack();
  const given = { commitWay: CommitWay.NATURAL, effectTable: rows(stack), writesPerMessage: -1 };
  expect(refusal(() => consumerIn(stack, given)).message).toBe(
    "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
      '  - `effectTable` is given with commitWay NATURAL, must be left out: only rows of INSERT and AGGREGATE are a proof: remove `effectTable`, or give the `commitWay` of the handler [effect-table-is-proof]\n' +
      '  - writesPerMessage is -1, must be a number from 0: change `writesPerMessage` [writes-countable]',
  );
});

describe('a row of the handler that is the receipt', () => {
  const given = (stack: Stack, receiptTable: ITable) => ({
    dedupTable: new DedupTable(stack, 'Dedup'),
    receiptTable,
  });

  test('fails when the table that holds it has a TTL', () => {
    const stack = constructStack();
    expect(refusal(() => consumerIn(stack, given(stack, rows(stack, 'ttl')))).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        "  - TTL attribute of 'Stack/Rows' is 'ttl', must be none: take the TTL off the table, or give another `receiptTable` [proof-rows-never-expire]",
    );
  });

  test('may be read and inserted, and never deleted, by the consumer', () => {
    const stack = constructStack();
    const receiptTable = rows(stack);
    consumerIn(stack, given(stack, receiptTable));
    Template.fromStack(stack).hasResourceProperties('AWS::IAM::Policy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: [
              'dynamodb:GetItem',
              'dynamodb:BatchGetItem',
              'dynamodb:ConditionCheckItem',
              'dynamodb:PutItem',
            ],
            Resource: stack.resolve(receiptTable.tableArn) as unknown,
          }),
        ]),
      },
    });
    expect(unproven(stack)).toEqual(['proof-rows-are-kept']);
  });

  test('of another table, that it never expires is unproven', () => {
    const stack = constructStack();
    consumerIn(stack, given(stack, Table.fromTableName(stack, 'Theirs', 'ledger')));
    expect(unproven(stack)).toEqual(['proof-rows-never-expire, proof-rows-are-kept']);
  });

  test.each([CommitWay.INSERT, CommitWay.AGGREGATE, CommitWay.NATURAL])('fails with %s', (commitWay) => {
    const stack = constructStack();
    expect(refusal(() => consumerIn(stack, { commitWay, ...given(stack, rows(stack)) })).message).toBe(
      "IdempotentConsumer 'Stack/Consumer' has invalid props:\n" +
        `  - \`receiptTable\` is given with commitWay ${commitWay}, must be left out: only a transaction may have its receipt in a row of the handler: remove \`receiptTable\`, or give CommitWay.TRANSACTION [receipt-table-is-of-a-transaction]`,
    );
  });
});
