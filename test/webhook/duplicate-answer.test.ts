import { senders, sourceOf } from './senders.js';
import { client, uniqueName, World } from './world.js';

afterAll(() => client.destroy());

test('a sender that listens is told that nothing acted anew; the first answer does not say so', async () => {
  const world = await new World().open();
  const known = senders['Standard Webhooks (standardwebhooks)']!();
  const take = world.receiver({ shop: sourceOf(known) });
  const delivery = await known.deliver(uniqueName());
  const answers = [await take(delivery), await take(delivery)];
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(answers.map(({ headers }) => headers['idempotent-replayed'])).toEqual([undefined, 'true']);
});
