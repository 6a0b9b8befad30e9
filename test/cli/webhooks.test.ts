import { LambdaClient } from '@aws-sdk/client-lambda';
import { embedded } from '../fixtures/embedded.js';
import { SenderWorld, tenant } from '../webhook/sender/world.js';
import { run } from './command.js';
import { deployed } from './deployed.js';

let world: SenderWorld;
let about: readonly string[];
beforeAll(async () => {
  world = await SenderWorld.open();
  const lambda = new LambdaClient(embedded().client);
  const { table, shards, retentionSeconds } = world.settings;
  const worker = await deployed(lambda, {
    EXACTLY_ONCE_WEBHOOK_TABLE: table,
    EXACTLY_ONCE_WEBHOOK_SHARDS: String(shards),
    EXACTLY_ONCE_WEBHOOK_RETENTION_SECONDS: String(retentionSeconds),
  });
  lambda.destroy();
  about = ['--function', worker, '--tenant', tenant];
});
afterAll(() => world.close());

const webhooks = (command: string, ...more: string[]) => run('webhooks', command, ...about, ...more);

test.each([
  [['list', '--to', 'e', '--limit', 'many'], 'whole numbers from 1 on'],
  [['list', '--to', 'e', '--limit', '-1'], 'whole numbers from 1 on'],
  [['list', '--state', 'failed'], 'give --to with an endpoint'],
  [['list', '--since', '2h'], 'give --to with an endpoint'],
  [['list', '--limit', '3'], 'give --to with an endpoint'],
  [['list', '--to', 'e', '--state', 'lost'], 'Allowed are waiting, delivered, failed, held'],
  [['replay', '--event', 'x'], 'give --to with it'],
  [['replay', '--event', 'x', '--to', 'e', '--since', '2h'], 'leave out --since and --stream'],
  [['replay', '--event', 'x', '--to', 'e', '--stream', 'a/b'], 'leave out --since and --stream'],
])(
  'webhooks %j is refused in a sentence, and never taken for something else',
  async ([command = '', ...more], sentence) => {
    expect(await webhooks(command, ...more)).toEqual({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining(sentence) as string,
    });
  },
);

test('a dry replay of an event is refused where the replay is, and changes nothing where it is not', async () => {
  const { endpointId } = await world.registry.create(tenant, { url: world.server.url('/a'), types: ['a'] });
  await world.take(world.event('a'));
  await world.send();
  const [delivery] = await world.registry.deliveries(tenant, endpointId);
  const { webhookId } = delivery!;
  const other = await world.registry.create(tenant, { url: world.server.url('/b'), types: ['b'] });
  for (const to of ['nobody', other.endpointId]) {
    const [dry, real] = [
      await webhooks('replay', '--event', webhookId, '--to', to, '--dry-run'),
      await webhooks('replay', '--event', webhookId, '--to', to),
    ];
    expect(real).toMatchObject({ status: 2, stdout: '' });
    expect(dry).toEqual(real);
  }
  const dry = await webhooks('replay', '--event', webhookId, '--to', endpointId, '--dry-run');
  expect(dry).toMatchObject({ status: 0, stdout: 'would be: 1 sent again\n' });
  expect((await world.registry.delivery(tenant, endpointId, webhookId)).state).toBe('delivered');
  const real = await webhooks('replay', '--event', webhookId, '--to', endpointId);
  expect(real).toMatchObject({ status: 0, stdout: '1 sent again\n' });
  expect((await world.registry.delivery(tenant, endpointId, webhookId)).state).toBe('waiting');
});
