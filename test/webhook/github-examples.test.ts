import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fixedSecrets, github } from '../../runtime/webhook/index.js';
import { row } from '../fixtures/dynamo.js';
import { client, World } from './world.js';

interface Signed {
  readonly event: string;
  readonly body: string;
  readonly signature: string;
}

afterAll(() => client.destroy());

test('every payload example of GitHub, signed by its own package, three times each in random order and under new delivery ids, acts once', async () => {
  const secret = randomUUID();
  const script = join(__dirname, 'github-examples.mjs');
  const told = execFileSync(process.execPath, [script, secret], { maxBuffer: 64 * 1024 * 1024 });
  const examples = JSON.parse(told.toString()) as Signed[];
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
  for (const { event, body, signature } of deliveries) {
    const headers = {
      'X-GitHub-Event': event,
      'X-GitHub-Delivery': randomUUID(),
      'X-Hub-Signature-256': signature,
    };
    const answer = await take({ source: 'github', headers, body });
    expect({ event, ...answer }).toMatchObject({ event, status: 200 });
  }
  expect((await row(client, world.counts, { name: 'all' }))?.acts).toBe(distinct);
  expect(acted).toBeGreaterThanOrEqual(distinct);
});
