/** What a channel promises about order. */
export enum ChannelKind {
  /**
   * Messages of one group (`MessageGroupId`) arrive in the order in which they were accepted, one batch of a group at
   * a time. The queue drops a second send of one `MessageDeduplicationId` for 5 minutes; the receipts do it for the
   * whole horizon.
   */
  FIFO = 'FIFO',

  /**
   * No order, no limit on throughput. A `MessageGroupId` makes it a fair queue: a group with many messages does not
   * delay the others. It orders nothing.
   *
   * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
   */
  STANDARD = 'STANDARD',
}
