import { httpApiHandler } from '../../../runtime/api/index.js';
import { table } from '../../../runtime/dynamodb/index.js';
import { webhookReceiver, webhookSettings } from '../../../runtime/webhook/index.js';
import { count } from '../counting.js';
import { schemes } from './schemes.js';

const counts = table({ name: process.env.COUNTS_TABLE ?? '', partitionKey: 'name' });

export const handler = httpApiHandler(
  webhookReceiver({
    settings: webhookSettings(process.env),
    sources: Object.fromEntries(Object.entries(schemes).map(([name, scheme]) => [name, { scheme }])),
    handle: (event, tx) => {
      // What GitHub's examples have by way of names is not theirs alone.
      if (event.source !== 'github-examples') count(counts, event, tx);
      else tx.update(counts, { name: `${event.source} ${event.id}` }, { add: { acts: 1 } });
    },
  }),
);
