import { consumerSettings, sqsConsumer } from 'exactly-once-aws/consumer';
import { table } from 'exactly-once-aws/dedup';

const settings = consumerSettings(process.env);
const effects = table({ name: process.env.EFFECTS_TABLE, partitionKey: 'variant' });

/** Takes any body that has an id; a schema library would do more. */
const order = {
  '~standard': {
    version: 1,
    vendor: 'copied-app',
    validate: (value) =>
      typeof value?.id === 'string' ? { value } : { issues: [{ message: 'id must be a string' }] },
  },
};

export const handler = sqsConsumer({
  settings,
  schema: order,
  key: ({ body }) => body.id,
  // Hangs on no key: a message that acts twice shows.
  handle: (_, tx) => tx.update(effects, { variant: settings.consumerName }, { add: { effects: 1 } }),
});
