import { DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import type { DeployedStack } from './deployed-stack.js';
import { eventually } from './eventually.js';

export interface DeadLetter {
  readonly group: string;
  readonly body: string;
  /** What the consumer noted beside it. */
  readonly note: { readonly reason?: string; readonly key?: string; readonly sequence?: string };
}

const taken: DeadLetter[] = [];

/** A customer's messages in the dead-letter queue, in its order, as soon as there are that many. Takes them off. */
export async function deadLettersOf(
  stack: DeployedStack,
  customer: string,
  count: number,
): Promise<DeadLetter[]> {
  return eventually(
    `${count} dead letters`,
    async () => {
      await take(stack);
      return taken.filter(({ group }) => group === customer);
    },
    (letters) => letters.length >= count,
  );
}

async function take(stack: DeployedStack): Promise<void> {
  const QueueUrl = stack.output('PaymentsDeadLetterQueueUrl');
  const { Messages = [] } = await stack.sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 1,
      MessageAttributeNames: ['All'],
      MessageSystemAttributeNames: ['All'],
    }),
  );
  for (const { Body = '', Attributes, MessageAttributes, ReceiptHandle } of Messages) {
    const text = MessageAttributes?.['ExactlyOnce']?.StringValue;
    const note = text === undefined ? {} : (JSON.parse(text) as DeadLetter['note']);
    taken.push({ group: Attributes?.MessageGroupId ?? '', body: Body, note });
    await stack.sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  }
}
