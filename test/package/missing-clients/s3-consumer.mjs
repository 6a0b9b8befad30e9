import { consumerSettings, s3Payload, sqsConsumer } from 'exactly-once-aws/consumer';

export const handler = sqsConsumer({
  settings: consumerSettings(process.env),
  schema: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } },
  decode: [s3Payload()],
  key: ({ body }) => body.id,
  handle: () => undefined,
});
