import { createHash } from 'node:crypto';
import { fixedSecrets } from '../../../runtime/webhook/index.js';
import { webhookPage, webhookPageLink } from '../../../runtime/webhook/page/index.js';
import { dynamo } from '../../fixtures/dynamo.js';
import { SenderWorld, tenant } from '../sender/world.js';

const secret = 'a'.repeat(32);
const arrival = '/down?%3Cscript%3E';
const older = 'b'.repeat(32);
let world: SenderWorld;
let visit: ReturnType<typeof webhookPage>;
let endpointId: string;
let foreignId: string;
let webhookId: string;

beforeAll(async () => {
  world = await SenderWorld.open();
  visit = webhookPage({ ...world.common, settings: world.settings, secrets: fixedSecrets(secret, older) });
  world.server.behaviours.set(arrival, (_, response) =>
    response.writeHead(500).end('<script>answer</script>'),
  );
  endpointId = await world.endpoint('/down?<script>', {
    schedule: [0],
  });
  const foreign = await world.registry.create('other', { url: world.server.url('/other') });
  foreignId = foreign.endpointId;
  webhookId = (await world.take(world.event()))[0]!;
  await world.send();
});
afterAll(() => world.close());

const request = (
  method: string,
  path: string,
  cookie?: string,
  form?: Record<string, string>,
  by = visit,
) => {
  const { pathname, search } = new URL(path, 'https://page.example');
  return by({
    ...{ rawPath: pathname, rawQueryString: search.slice(1), requestContext: { http: { method } } },
    ...(cookie !== undefined && { cookies: [cookie] }),
    ...(form && {
      body: Buffer.from(new URLSearchParams(form).toString()).toString('base64'),
      isBase64Encoded: true,
    }),
  });
};
const linkOf = (given: object = {}) =>
  webhookPageLink({ url: 'https://page.example', tenant, secret, now: () => world.clock, ...given });
const enter = async (given: object = {}) => {
  const { cookies = [] } = await request('GET', linkOf(given));
  return cookies[0]!.split(';')[0]!;
};
const csrfIn = (body: string) => /name="csrf" value="([^"]+)"/.exec(body)![1]!;
const deliveryPath = () => `/endpoints/${endpointId}/deliveries/${webhookId}`;

test('a link begins a session whose cookie no script, no other site and no other host gets', async () => {
  const answer = await request('GET', linkOf());
  expect(answer.cookies).toEqual([
    expect.stringMatching(/^__Host-webhooks=.+; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=3600$/),
  ]);
  const token = new URL(linkOf()).searchParams.get('token')!;
  expect(answer.body).toContain('content="0; url=/"');
  expect(answer.body).not.toContain(token);
  expect((await request('GET', '/', await enter())).statusCode).toBe(200);
  expect((await request('GET', linkOf({ secret: older }))).statusCode).toBe(200);
});

test('a link that is forged, changed or expired is refused, and so is a link as a cookie', async () => {
  const link = linkOf();
  const token = new URL(link).searchParams.get('token')!;
  for (const wrong of [
    linkOf({ secret: 'c'.repeat(32) }),
    link.replace(`token=${tenant}`, 'token=other'),
    linkOf({ lifetimeSeconds: 1, now: () => world.clock - 2_000 }),
    '/?token=',
  ])
    expect((await request('GET', wrong)).statusCode).toBe(403);
  expect((await request('GET', '/')).statusCode).toBe(403);
  expect((await request('GET', '/', `__Host-webhooks=${token}`)).statusCode).toBe(403);
});

test('a session ends when its link does', async () => {
  const cookie = await enter({ lifetimeSeconds: 60 });
  world.clock += 61_000;
  expect((await request('GET', '/', cookie)).statusCode).toBe(403);
  world.clock -= 61_000;
});

test('a tenant neither sees nor changes what is of another', async () => {
  const cookie = await enter({ tenant: 'other' });
  const { body } = await request('GET', '/', cookie);
  expect(body).toContain(foreignId);
  expect(body).not.toContain(endpointId);
  for (const path of [`/endpoints/${endpointId}`, deliveryPath()])
    expect((await request('GET', path, cookie)).statusCode).toBe(404);
  const own = await request('GET', `/endpoints/${foreignId}`, cookie);
  const csrf = csrfIn(own.body);
  const form = { csrf, action: 'disable', endpoint: endpointId };
  expect((await request('POST', '/', cookie, form)).statusCode).toBe(404);
  expect((await world.registry.get(tenant, endpointId)).disabled).toBeUndefined();
});

test('a form without the token of its own session does nothing', async () => {
  const cookie = await enter();
  const other = await enter({ tenant: 'other' });
  const csrf = csrfIn((await request('GET', `/endpoints/${foreignId}`, other)).body);
  for (const wrong of [{ csrf: '' }, { csrf }])
    expect(
      (await request('POST', '/', cookie, { ...wrong, action: 'disable', endpoint: endpointId })).statusCode,
    ).toBe(403);
  expect((await world.registry.get(tenant, endpointId)).disabled).toBeUndefined();
});

test('what others wrote is text, and what is ours stands under a policy that fits it', async () => {
  const cookie = await enter();
  for (const path of ['/', `/endpoints/${endpointId}`, deliveryPath()]) {
    const { body, headers } = await request('GET', path, cookie);
    expect(body).not.toContain('<script');
    const style = /<style>(.*)<\/style>/s.exec(body)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    );
  }
  expect((await request('GET', '/', cookie)).body).toContain('/down?&lt;script&gt;');
  expect((await request('GET', deliveryPath(), cookie)).body).toContain('&lt;script&gt;answer');
});

test('every page has one h1, one main, headed tables, and a label for each field that is seen', async () => {
  const cookie = await enter();
  for (const path of ['/', `/endpoints/${endpointId}?did=tested`, deliveryPath()]) {
    const { body } = await request('GET', path, cookie);
    expect(body).toMatch(/<html lang="en">/);
    for (const one of ['<h1>', '<main>']) expect(body.split(one)).toHaveLength(2);
    expect(body).not.toMatch(/<th(?![^>]*scope=)[ >]/);
    for (const [field] of body.matchAll(/<(?:input|select)[^>]*>/g)) {
      if (field.includes('type="hidden"')) continue;
      expect(body).toContain(`<label for="${/id="([^"]+)"/.exec(field)![1]}">`);
    }
  }
  const { body } = await request('GET', `/endpoints/${endpointId}?did=tested`, cookie);
  expect(body).toContain('<p role="status">A test is sent.</p>');
});

test('the list shows the state that is asked for', async () => {
  const cookie = await enter();
  const at = (state: string) => request('GET', `/endpoints/${endpointId}?state=${state}`, cookie);
  expect((await at('failed')).body).toContain(webhookId);
  expect((await at('delivered')).body).not.toContain(webhookId);
});

test('a form that is sent twice sends a delivery again once, also when it failed again in between', async () => {
  const cookie = await enter();
  const { body } = await request('GET', deliveryPath(), cookie);
  const replays = /name="replays" value="(\d+)"/.exec(body)![1]!;
  const form = { csrf: csrfIn(body), action: 'replay', endpoint: endpointId, delivery: webhookId, replays };
  const first = await request('POST', '/', cookie, form);
  expect(first).toMatchObject({ statusCode: 303, headers: { location: `${deliveryPath()}?did=replayed` } });
  await world.send();
  const second = await request('POST', '/', cookie, form);
  expect(second.headers.location).toBe(`${deliveryPath()}?did=replayedBefore`);
  await world.send();
  expect(world.server.at(arrival)).toHaveLength(2);
});

test('a form that overtakes another one at the moment of its write does nothing', async () => {
  const cookie = await enter();
  const { body } = await request('GET', deliveryPath(), cookie);
  const { replays } = await world.registry.delivery(tenant, endpointId, webhookId);
  const form = { csrf: csrfIn(body), action: 'replay', endpoint: endpointId, delivery: webhookId };
  const between = dynamo();
  // The first form is done, sent and failed again, between what the second one reads and what it writes.
  between.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName === 'UpdateItemCommand' && arrivals() === before) {
          await world.registry.replay(tenant, endpointId, webhookId);
          await world.send();
          await world.registry.replay(tenant, endpointId, webhookId);
          await world.send();
        }
        return next(args);
      },
    { step: 'initialize', name: 'overtaken' },
  );
  const arrivals = () => world.server.at(arrival).length;
  const before = arrivals();
  const late = webhookPage({
    ...{ ...world.common, settings: world.settings, secrets: fixedSecrets(secret), dynamodb: between },
  });
  const { headers } = await request('POST', '/', cookie, { ...form, replays: String(replays) }, late);
  between.destroy();
  expect(headers.location).toBe(`${deliveryPath()}?did=replayedBefore`);
  await world.send();
  expect(arrivals()).toBe(before + 2);
});

test('a link that is taken back opens nothing, nor does a session that it began; others go on', async () => {
  const revoked = new Set<string>();
  const asked = webhookPage({
    ...{ ...world.common, settings: world.settings, secrets: fixedSecrets(secret) },
    isRevoked: ({ linkId, tenant: whose }) => whose === tenant && revoked.has(linkId),
  });
  const cookie = await enter({ linkId: 'mail-1' });
  const other = await enter();
  const status = async (path: string, of?: string) =>
    (await request('GET', path, of, undefined, asked)).statusCode;
  expect(await status('/', cookie)).toBe(200);
  revoked.add('mail-1');
  expect(await status('/', cookie)).toBe(403);
  expect(await status(linkOf({ linkId: 'mail-1' }))).toBe(403);
  expect(await status('/', other)).toBe(200);
  expect(() => linkOf({ linkId: 'a~b' })).toThrow(/linkId must be 1 to 64/);
});

test('what an endpoint says it has suppressed is counted by delivery and by type', async () => {
  const id = await world.endpoint('/knows', { types: ['nothing.else'], schedule: [0] });
  world.server.behaviours.set('/knows', (_, response) => {
    const again = world.server.at('/knows').length > 1;
    response.writeHead(200, again ? { 'Idempotent-Replayed': 'true' } : {}).end();
  });
  const event = await world.registry.test(tenant, id);
  await world.send();
  const cookie = await enter();
  const at = () => request('GET', `/endpoints/${id}`, cookie);
  const row = async () =>
    /By type[^]*?<tbody>([^]*?)<\/tbody>/.exec((await at()).body)![1]!.match(/\d+(?=<)/g);
  expect(await row()).toEqual(['1', '0', '0']);
  await world.registry.replay(tenant, id, event);
  await world.send();
  expect(await row()).toEqual(['1', '1', '1']);
  expect((await world.registry.delivery(tenant, id, event)).suppressed).toBe(1);
});

test('all that failed since a day are sent again, an endpoint is disabled and enabled', async () => {
  const cookie = await enter();
  const { body } = await request('GET', `/endpoints/${endpointId}`, cookie);
  const send = (action: string, more = {}) =>
    request('POST', '/', cookie, { csrf: csrfIn(body), action, endpoint: endpointId, ...more });
  const since = new Date(world.clock - 86_400_000).toISOString().slice(0, 10);
  expect((await send('replayAll', { since })).headers.location).toMatch(/did=replayedAll&count=1$/);
  await send('disable');
  expect((await world.registry.get(tenant, endpointId)).disabled).toBe('operator');
  await send('enable');
  expect((await world.registry.get(tenant, endpointId)).disabled).toBeUndefined();
  await send('test');
  expect((await world.registry.deliveries(tenant, endpointId)).map(({ type }) => type)).toContain(
    'webhook.test',
  );
});
