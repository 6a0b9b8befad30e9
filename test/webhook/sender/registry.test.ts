import { generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { Webhook } from 'standardwebhooks';
import { Webhook as Svix } from 'svix';
import { UnserialisableValue } from '../../../runtime/dynamodb/index.js';
import { bodyOf } from '../../../runtime/webhook/sender/fan-out.js';
import { InvalidEndpoint, NotRegistered } from '../../../runtime/webhook/sender/index.js';
import { emptied } from '../../fixtures/emptied.js';
import { answers } from './endpoint-server.js';
import { SenderWorld, tenant } from './world.js';

let world: SenderWorld;
beforeAll(async () => {
  world = await SenderWorld.open();
});
afterAll(() => world.close());

const lastAt = (path: string) => world.server.at(path).at(-1)!;

test('deliveries are signed so that the reference libraries take them, by both secrets of a rotation until its end', async () => {
  const { endpointId, secrets } = await world.registry.create(tenant, {
    url: world.server.url('/signed'),
    types: ['signed'],
  });
  const old = secrets[0]!.secret;
  const fresh = await world.registry.rotateSecret(tenant, endpointId, { overlapSeconds: 3_600 });
  const open = (Library: typeof Webhook | typeof Svix, secret: string) => {
    const { headers, body } = lastAt('/signed');
    return new Library(secret).verify(body, headers) as { data: unknown };
  };
  await world.take(world.event('signed', { total: 7 }));
  await world.send();
  for (const secret of [old, fresh]) expect(open(Webhook, secret).data).toEqual({ total: 7 });
  expect(open(Svix, fresh).data).toEqual({ total: 7 });
  const { headers } = lastAt('/signed');
  expect(String(headers['webhook-signature']).split(' ')).toHaveLength(2);

  world.clock += 3_601_000;
  await world.take(world.event('signed', { total: 8 }));
  await world.send();
  expect(String(lastAt('/signed').headers['webhook-signature']).split(' ')).toHaveLength(1);
  world.clock -= 3_601_000;
});

test('a private key signs v1a, which its public key verifies', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
  await world.registry.create(tenant, {
    url: world.server.url('/v1a'),
    types: ['v1a'],
    secrets: [{ secret: `whsk_${seed.toString('base64')}` }],
  });
  await world.take(world.event('v1a'));
  await world.send();
  const { headers, body } = lastAt('/v1a');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const [version, value = ''] = String(headers['webhook-signature']).split(',');
  expect(version).toBe('v1a');
  expect(verify(null, Buffer.from(signed), publicKey, Buffer.from(value, 'base64'))).toBe(true);
});

test('an endpoint gets the events that it asks for, with its own headers, and numbers as they were sent', async () => {
  await world.endpoint('/some', {
    types: ['invoice.*'],
    match: { 'customer.country': ['DE', 'FR'] },
    headers: { authorization: 'Bearer t' },
  });
  const data = (country: string) => ({ customer: { country }, id: 12345678901234567890n });
  const event = (type: string, country: string) => world.event(type, data(country));
  const take = async (type: string, country: string) => {
    const exact = JSON.parse(JSON.stringify({ ...event(type, country), data: undefined })) as object;
    const given = { ...exact, data: { customer: { country }, id: 'ID' } };
    await world.take(given as Parameters<typeof world.take>[0]);
  };
  await take('invoice.paid', 'DE');
  await take('invoice.paid', 'US');
  await take('refund.made', 'DE');
  await world.send();
  expect(world.server.at('/some')).toHaveLength(1);
  expect(lastAt('/some').headers.authorization).toBe('Bearer t');
});

test('an event that comes twice is given to its endpoints once', async () => {
  await world.endpoint('/once', { types: ['once'] });
  const event = world.event('once');
  await world.take(event);
  await world.take(event, event);
  await world.send();
  expect(world.server.at('/once')).toHaveLength(1);
});

test('what JSON would empty is sent to nobody', () => {
  const event = { webhookId: 'evt_1', tenant, type: 't', time: '2026-01-01T00:00:00.000Z' };
  for (const [, make] of emptied)
    for (const data of [make(), { rows: [make()] }])
      expect(() => bodyOf({ ...event, data })).toThrow(UnserialisableValue);
});

test.each([
  [{ url: 'https://10.0.0.1/' }, 'address'],
  [{ url: 'https://example.com/', headers: { host: 'x' } }, 'header'],
  [{ url: 'https://example.com/', headers: { 'webhook-id': 'x' } }, 'header'],
  [{ url: 'https://example.com/', headers: { a: 'b\r\nc: d' } }, 'header'],
  [{ url: 'https://example.com/', secrets: [{ secret: 'whsec_c2hvcnQ=' }] }, 'secret'],
  [
    {
      url: 'https://example.com/',
      secrets: [{ secret: `whsec_${randomBytes(32).toString('base64')}`, until: '2030-01-01T00:00:00Z' }],
    },
    'without an end',
  ],
  [{ url: 'https://example.com/', types: ['a b'] }, 'types'],
  [{ url: 'https://example.com/', schedule: [] }, 'schedule'],
])(
  'an endpoint that could not be sent to is refused when it is registered: %#',
  async (settings, problem) => {
    const refused = world.registry.create(tenant, settings);
    await expect(refused).rejects.toThrow(InvalidEndpoint);
    await expect(refused).rejects.toThrow(problem);
  },
);

test('an endpoint never loses its last secret: nothing is sent to it unsigned', async () => {
  const endpointId = await world.endpoint('/unsigned', { types: ['unsigned'] });
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  for (const secrets of [[], undefined, [{ secret, until: '2999-01-01T00:00:00Z' }]])
    await expect(world.registry.change(tenant, endpointId, { secrets })).rejects.toThrow(InvalidEndpoint);
  await world.take(world.event('unsigned'));
  await world.send();
  expect(lastAt('/unsigned').headers['webhook-signature']).toMatch(/^v1,/);
});

test('a tenant has no more endpoints than an event can be given to in one commit, ordered ones too', async () => {
  const own = await SenderWorld.open();
  const ordered = Array.from({ length: 25 }, (_, i) => own.endpoint(`/o${i}`, { ordered: true }));
  await Promise.all(ordered);
  await expect(own.endpoint('/o25', { ordered: true })).rejects.toThrow(InvalidEndpoint);
  await Promise.all(Array.from({ length: 15 }, (_, i) => own.endpoint(`/p${i}`)));
  await expect(own.endpoint('/p15')).rejects.toThrow(InvalidEndpoint);
  await own.take(own.event());
  await own.send();
  for (let i = 0; i < 25; i += 1) expect(own.server.at(`/o${i}`)).toHaveLength(1);
  for (let i = 0; i < 15; i += 1) expect(own.server.at(`/p${i}`)).toHaveLength(1);
  await own.close();
});

test('an endpoint that a newer version has written rests, and holds up no other one', async () => {
  const own = await SenderWorld.open(1);
  const newer = await own.endpoint('/newer');
  await own.endpoint('/plain');
  await own.take(own.event());
  const version = async (v: string) =>
    own.client.send(
      new UpdateItemCommand({
        TableName: own.settings.table,
        Key: { pk: { S: `E#${tenant}` }, sk: { S: newer } },
        UpdateExpression: 'SET v = :v',
        ExpressionAttributeValues: { ':v': { N: v } },
      }),
    );
  await version('9');
  await own.send();
  expect(own.server.at('/plain')).toHaveLength(1);
  expect(own.server.at('/newer')).toHaveLength(0);
  expect(own.summaries.at(-1)).toMatchObject({ problems: 1 });
  await version('1');
  await own.send();
  expect(own.server.at('/newer')).toHaveLength(1);
  expect(own.server.at('/plain')).toHaveLength(1);
  await own.close();
});

test('nobody is shown a secret or the value of a header; a test is sent; an unknown endpoint is named', async () => {
  const endpointId = await world.endpoint('/test', {
    types: ['none'],
    headers: { 'x-token': 'hidden-value' },
  });
  const shown = JSON.stringify(await world.registry.list(tenant));
  expect(shown).not.toMatch(/whsec_|hidden-value/);
  const webhookId = await world.registry.test(tenant, endpointId);
  await world.send();
  expect(lastAt('/test').headers['webhook-id']).toBe(webhookId);
  await expect(world.registry.test(tenant, 'nobody')).rejects.toThrow(NotRegistered);
});

test('one event is put up again for one endpoint, under its own id, and all that failed since a moment', async () => {
  const endpointId = await world.endpoint('/replay', { types: ['replay'], schedule: [0] });
  const [first] = await world.take(world.event('replay'));
  await world.send();
  expect(await world.registry.replay(tenant, endpointId, first!)).toBe(true);
  expect(await world.registry.replay(tenant, endpointId, first!)).toBe(false);
  await world.send();
  expect(world.server.at('/replay').map(({ headers }) => headers['webhook-id'])).toEqual([first, first]);

  world.server.behaviours.set('/replay', answers(500));
  await world.take(world.event('replay'));
  await world.send();
  world.clock += 1_000;
  const since = new Date(world.clock);
  await world.take(world.event('replay'), world.event('replay'));
  await world.send();
  const before = world.server.at('/replay').length;
  world.server.behaviours.clear();
  expect(await world.registry.replayAll({ tenant, endpointId, since })).toBe(2);
  world.clock += 60_000;
  await world.send();
  expect(world.server.at('/replay')).toHaveLength(before + 2);
});

test('all events of one aggregate are sent again in their order, whatever became of them, and no others', async () => {
  const endpointId = await world.endpoint('/stream', { types: ['stream'], ordered: true, schedule: [0] });
  const numbers = () =>
    world.server.at('/stream').map(({ body }) => (JSON.parse(body) as { data: { n: number } }).data.n);
  world.server.behaviours.set(
    '/stream',
    ({ body }, response) => void response.writeHead(body.includes('"n":2') ? 500 : 200).end(),
  );
  for (const [n, aggregate] of [
    [1, 'i-1'],
    [2, 'i-1'],
    [3, 'i-2'],
    [4, 'i-1'],
  ] as const) {
    world.clock += 1;
    await world.take({ ...world.event('stream', { n }), aggregate });
  }
  await world.send();
  expect(numbers()).toEqual([1, 2, 3, 4]);
  world.server.behaviours.clear();
  const query = { tenant, endpointId, stream: 'invoice/i-1' };
  const found = await world.registry.deliveries(tenant, endpointId, { stream: query.stream });
  expect(found.map(({ state }) => state)).toEqual(['delivered', 'failed', 'delivered']);
  expect(await world.registry.replayAll(query)).toBe(3);
  await world.send();
  expect(numbers()).toEqual([1, 2, 3, 4, 1, 2, 4]);
  expect(await world.registry.replayAll({ ...query, stream: 'invoice/i-3' })).toBe(0);
});
