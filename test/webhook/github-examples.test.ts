import { randomUUID } from 'node:crypto';
import { fixedSecrets, github } from '../../runtime/webhook/index.js';
import { row } from '../fixtures/dynamo.js';
import { deliveryOf, githubExamples } from './github-examples.js';
import { client, World } from './world.js';

afterAll(() => client.destroy());

test('every payload example of GitHub, signed by its own package, three times each in random order and under new delivery ids, acts once', async () => {
  const secret = randomUUID();
  const examples = githubExamples(secret);
  expect(examples.length).toBeGreaterThan(300);
  const world = await new World().open();
  let acted = 0;
  const take = world.receiver(
    { github: { scheme: github(), secrets: fixedSecrets(secret) } },
    {
      handle: ({ type, data }, tx) => {
        acted += 1;
        tx.update(world.counts, { name: 'all' }, { add: { acts: 1 } });
        expect(type).not.toBe('');
        expect(typeof data).toBe('object');
      },
    },
  );
  const distinct = new Set(examples.map(({ event, body }) => `${event} ${body}`)).size;
  const deliveries = [...examples, ...examples, ...examples].sort(() => Math.random() - 0.5);
  for (const example of deliveries) {
    const answer = await take({ source: 'github', ...deliveryOf(example) });
    expect({ event: example.event, ...answer }).toMatchObject({ event: example.event, status: 200 });
  }
  expect((await row(client, world.counts, { name: 'all' }))?.acts).toBe(distinct);
  expect(acted).toBeGreaterThanOrEqual(distinct);
});
