import type { Grant, IGrantable } from 'aws-cdk-lib/aws-iam';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';

/** Permissions on a message channel. Permission to use its customer managed key, if it has one, comes with them. */
export class MessageChannelGrants {
  /** @internal */
  constructor(
    private readonly queue: IQueue,
    private readonly deadLetterQueue: IQueue,
  ) {}

  /** For producers: send to the queue. */
  public sendMessages(grantee: IGrantable): Grant {
    return this.queue.grantSendMessages(grantee);
  }

  /**
   * For the consumer: receive, delete and defer messages of the queue, and send those that can never succeed to the
   * dead-letter queue with their reason.
   */
  public consumeMessages(grantee: IGrantable): Grant {
    return this.queue.grantConsumeMessages(grantee).combine(this.deadLetterQueue.grantSendMessages(grantee));
  }
}
