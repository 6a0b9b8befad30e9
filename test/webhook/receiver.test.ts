import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import {
  adyen,
  fixedSecrets,
  secretsManager,
  slack,
  standardWebhooks,
  stripe,
  twilio,
  zoom,
  type ReceivedEvent,
} from '../../runtime/webhook/index.js';
import { adyenItem, senders, signedBy, sourceOf, type Sender } from './senders.js';
import { onEachStore, type More } from './stores.js';
import { client, uniqueName } from './world.js';
import { twilioSignature } from './sender-packages.js';

afterAll(() => client.destroy());

const sender = (name = 'Standard Webhooks (standardwebhooks)'): Sender => {
  const make = senders[name];
  if (make === undefined) throw new TypeError(`no sender '${name}'`);
  return make();
};
onEachStore((store) => {
  const last = () => store().summaries.at(-1);

  describe('what is answered', () => {
    const known = sender();
    const take = (more: More = {}) => store().receiver({ shop: sourceOf(known) }, more);

    test('an address without a source: 404, and nothing of it is in the log', async () => {
      const delivery = await known.deliver(uniqueName());
      expect((await take()({ ...delivery, source: 'nobody' })).status).toBe(404);
      expect(last()).toMatchObject({ outcome: 'refused', error: 'source-unknown' });
      expect(last()).not.toHaveProperty('source');
      expect((await take()({ ...delivery, source: '__proto__' })).status).toBe(404);
    });

    test.each([
      ['Adyen', adyen(), ['0x44', 'key', ' ']],
      ['Standard Webhooks', standardWebhooks(), ['whsec_', 'whsec_***', '***']],
    ])(
      '%s: a secret of which no key can be made lets nobody in who signs with none',
      async (_, scheme, wrong) => {
        const name = uniqueName();
        for (const secret of wrong) {
          const source = { scheme, secrets: fixedSecrets(secret) };
          const time = String(Math.floor(Date.now() / 1000));
          const item = adyenItem(name, '');
          const body = JSON.stringify({ type: 'a', name, notificationItems: [item] });
          const forged = createHmac('sha256', '').update(`${name}.${time}.${body}`).digest('base64');
          const headers = {
            'webhook-id': name,
            'webhook-timestamp': time,
            'webhook-signature': `v1,${forged}`,
          };
          expect((await store().receiver({ shop: source })({ headers, body })).status).toBe(503);
          expect(last()).toMatchObject({ outcome: 'failed', error: { name: 'InvalidSettings' } });
        }
      },
    );

    test('anything but POST: 405', async () => {
      const delivery = await known.deliver(uniqueName());
      expect((await take()({ ...delivery, method: 'GET' })).status).toBe(405);
    });

    test('a body beyond the limit: 413, before its signature is looked at', async () => {
      const delivery = await known.deliver(uniqueName());
      expect((await take({ maxBodyBytes: 10 })(delivery)).status).toBe(413);
    });

    test('signed, and no event of its scheme: 400', async () => {
      const body = '{"id":""}';
      const wrong = signedBy('stripe', known.secret, body);
      const source = { scheme: stripe(), secrets: fixedSecrets(known.secret) };
      const answer = await store().receiver({ shop: source })({ headers: wrong, body });
      expect(answer.status).toBe(400);
      expect(last()).toMatchObject({ outcome: 'refused', source: 'shop' });
    });

    test('a handler that throws: 500, nothing is written, and the sender that comes again acts once', async () => {
      const name = uniqueName();
      let failures = 1;
      const failing = take({
        handle: async (event: ReceivedEvent, tx: unknown) => {
          await store().count(event, tx);
          if (failures-- > 0) throw new TypeError('not today');
        },
      });
      expect((await failing(await known.deliver(name))).status).toBe(500);
      expect(await store().acts('shop', name)).toBe(0);
      expect((await failing(await known.deliver(name))).status).toBe(200);
      expect((await failing(await known.deliver(name))).status).toBe(200);
      expect(await store().acts('shop', name)).toBe(1);
      expect(
        store()
          .summaries.slice(-3)
          .map(({ events }) => events),
      ).toEqual([{ failed: 1 }, { processed: 1 }, { duplicate: 1 }]);
    });

    test('a handler that throws on its own effect is answered with success: the receipt comes first (R45)', async () => {
      const name = uniqueName();
      await take()(await known.deliver(name));
      const throwing = take({
        handle: () => {
          throw new TypeError('it is there already');
        },
      });
      expect((await throwing(await known.deliver(name))).status).toBe(200);
    });

    test('a type that is not asked for: success, and no row', async () => {
      const before = await store().rows();
      const only = store().receiver({ shop: { ...sourceOf(known), types: ['order.refunded'] } });
      expect((await only(await known.deliver(uniqueName()))).status).toBe(200);
      expect(last()?.events).toEqual({ ignored: 1 });
      expect(await store().rows()).toBe(before);
    });

    test('secrets that cannot be read: 503 with Retry-After, never 401', async () => {
      const source = {
        scheme: known.scheme,
        secrets: secretsManager({ secretId: 's', read: () => Promise.reject(new Error('throttled')) }),
      };
      const answer = await store().receiver({ shop: source })(await known.deliver(uniqueName()));
      expect(answer.status).toBe(503);
      expect(answer.headers['retry-after']).toBeDefined();
    });
  });

  describe('secrets', () => {
    test('two of a rotation count side by side, until the end of the old one', async () => {
      const [old, fresh] = [sender(), sender()];
      const until = (ms: number) => new Date(Date.now() + ms).toISOString();
      const take = (ends: number) =>
        store().receiver({
          shop: {
            scheme: standardWebhooks(),
            secrets: fixedSecrets(fresh.secret, { secret: old.secret, until: until(ends) }),
          },
        });
      expect((await take(60_000)(await old.deliver(uniqueName()))).status).toBe(200);
      expect((await take(60_000)(await fresh.deliver(uniqueName()))).status).toBe(200);
      expect((await take(-1_000)(await old.deliver(uniqueName()))).status).toBe(401);
    });

    test('a signature of a secret that is newer than memory is taken, and wrong ones do not make a reading each', async () => {
      const [old, fresh] = [sender(), sender()];
      const stored = [JSON.stringify([old.secret])];
      let reads = 0;
      const secrets = secretsManager({
        secretId: 's',
        read: () => {
          reads += 1;
          return Promise.resolve(stored[0]);
        },
      });
      const take = store().receiver({ shop: { scheme: standardWebhooks(), secrets } });
      expect((await take(await old.deliver(uniqueName()))).status).toBe(200);
      stored[0] = JSON.stringify([fresh.secret, { secret: old.secret, until: '2099-01-01T00:00:00Z' }]);
      jest.useFakeTimers({ now: Date.now() + 31_000, doNotFake: allBut('Date') });
      try {
        expect((await take(await fresh.deliver(uniqueName()))).status).toBe(200);
        expect(reads).toBe(2);
        const other = sender();
        for (let i = 0; i < 20; i += 1) expect((await take(await other.deliver('x'))).status).toBe(401);
        expect(reads).toBe(2);
      } finally {
        jest.useRealTimers();
      }
    });

    test('a reading that never ends is given up: 503, and the next request has it read again', async () => {
      const one = sender();
      let reads = 0;
      const secrets = secretsManager({
        secretId: 's',
        read: () => {
          reads += 1;
          return reads === 1 ? new Promise(() => undefined) : Promise.resolve(one.secret);
        },
      });
      const take = store().receiver({ shop: { scheme: standardWebhooks(), secrets } });
      const [first, second] = [take(await one.deliver(uniqueName())), take(await one.deliver(uniqueName()))];
      expect([(await first).status, (await second).status]).toEqual([503, 503]);
      expect((await take(await one.deliver(uniqueName()))).status).toBe(200);
      expect(reads).toBe(2);
    }, 20_000);

    test.each(['', '[]', '[""]', '{"until":"soon","secret":"s"}', '[1]', '{not json'])(
      'a secret that says %j is an error of the settings, which does not quote it',
      async (text) => {
        const secrets = secretsManager({ secretId: 'arn', read: () => Promise.resolve(text) });
        const error: unknown = await secrets.secrets(false).catch((error: unknown) => error);
        expect(error).toMatchObject({ name: 'InvalidSettings' });
        expect(String(error)).not.toContain('soon');
      },
    );
  });

  describe('one request with several events', () => {
    const secret = randomBytes(32).toString('hex');
    const notification = (...names: string[]) =>
      JSON.stringify({ live: 'false', notificationItems: names.map((name) => adyenItem(name, secret)) });
    const source = { scheme: adyen(), secrets: fixedSecrets(secret) };

    test('each acts once, also when one of them failed the first time; the answer is what the sender wants', async () => {
      const names = [uniqueName(), uniqueName(), uniqueName()] as const;
      let failures = 1;
      const take = store().receiver(
        { shop: source },
        {
          handle: async (event, tx) => {
            await store().count(event, tx);
            if ((event.data as { name: string }).name === names[1] && failures-- > 0)
              throw new TypeError('no');
          },
        },
      );
      expect((await take({ headers: {}, body: notification(...names) })).status).toBe(500);
      expect(last()?.events).toEqual({ processed: 2, failed: 1 });
      const answer = await take({ headers: {}, body: notification(...names) });
      expect(answer).toMatchObject({ status: 200, body: '[accepted]' });
      expect(last()?.events).toEqual({ processed: 1, duplicate: 2 });
      expect(await Promise.all(names.map((name) => store().acts('shop', name)))).toEqual([1, 1, 1]);
    });

    test('one of them not signed: 401, and none acts', async () => {
      const [good, bad] = [uniqueName(), uniqueName()];
      const body = JSON.stringify({
        notificationItems: [adyenItem(good, secret), adyenItem(bad, randomBytes(32).toString('hex'))],
      });
      expect((await store().receiver({ shop: source })({ headers: {}, body })).status).toBe(401);
      expect([await store().acts('shop', good), await store().acts('shop', bad)]).toEqual([0, 0]);
    });
  });

  test('Twilio: an address whose query a REST API has taken apart is the one that was signed', async () => {
    const [secret, url] = [randomUUID(), 'https://hooks.example.com/sms'];
    const name = uniqueName();
    const query = `shop=Ada%20%26%20Co~&name=${name}`;
    const fields = { MessageStatus: 'sent', name };
    const headers = {
      'Content-Type': 'application/x-www-form-urlencoded',
      'X-Twilio-Signature': twilioSignature(secret, `${url}?${query}`, fields),
    };
    const take = store().receiver({ sms: { scheme: twilio({ url }), secrets: fixedSecrets(secret) } });
    const body = new URLSearchParams(fields).toString();
    for (const told of [query, new URLSearchParams(query).toString()])
      expect((await take({ source: 'sms', headers, body, query: told })).status).toBe(200);
    const other = new URLSearchParams(`${query}x`).toString();
    expect((await take({ source: 'sms', headers, body, query: other })).status).toBe(401);
  });

  test('a body that is no form, and whose hash nobody has signed, is not signed by Twilio', async () => {
    const [secret, name] = [randomUUID(), uniqueName()];
    const url = 'https://hooks.example/webhooks/sms';
    const take = store().receiver({ sms: { scheme: twilio({ url }), secrets: fixedSecrets(secret) } });
    const headers = { 'X-Twilio-Signature': twilioSignature(secret, url, {}) };
    const forged = { source: 'sms', headers, body: JSON.stringify({ name }) };
    expect((await take(forged)).status).toBe(401);
    expect(await store().acts('sms', name)).toBe(0);
  });

  describe('order', () => {
    const secret = randomUUID();
    const event = (entity: string, version: number, name: string) => {
      const body = JSON.stringify({ id: `evt_${name}`, type: 'subscription.updated', entity, version, name });
      return { headers: signedBy('stripe', secret, body), body };
    };
    const source = {
      scheme: stripe(),
      secrets: fixedSecrets(secret),
      states: {
        'subscription.updated': ({ data }: { data: unknown }) => data as { entity: string; version: number },
      },
    };

    test('a state older than the one taken has no effect and is told as stale; equal and later ones act', async () => {
      const entity = randomUUID();
      const versions = [2, 1, 2, 5, 3];
      const names = versions.map(uniqueName);
      const take = store().receiver({ shop: source });
      for (const [i, version] of versions.entries())
        expect((await take(event(entity, version, names[i] ?? ''))).status).toBe(200);
      expect(await Promise.all(names.map((name) => store().acts('shop', name)))).toEqual([1, 0, 1, 1, 0]);
      expect(
        store()
          .summaries.slice(-5)
          .map(({ events }) => Object.keys(events)[0]),
      ).toEqual(['processed', 'stale', 'processed', 'processed', 'stale']);
    });

    test('a stale one that comes again stays without effect', async () => {
      const [entity, name] = [randomUUID(), uniqueName()];
      const take = store().receiver({ shop: source });
      await take(event(entity, 5, uniqueName()));
      for (let i = 0; i < 3; i += 1) expect((await take(event(entity, 4, name))).status).toBe(200);
      expect(await store().acts('shop', name)).toBe(0);
    });

    test('states may be told by times as text, too, and a state of the other kind is not later', async () => {
      const secret = randomUUID();
      const entity = randomUUID();
      const take = store().receiver({
        shop: {
          scheme: stripe(),
          secrets: fixedSecrets(secret),
          states: { 'customer.updated': ({ data }) => data as { entity: string; version: string | number } },
        },
      });
      const versions = ['2026-01-02T00:00:00Z', '2026-01-01T23:59:59Z', '2026-01-02T00:00:01Z', 9];
      const names = versions.map(uniqueName);
      for (const [i, version] of versions.entries()) {
        const body = JSON.stringify({
          ...{ id: `evt_${names[i]}`, type: 'customer.updated' },
          ...{ entity, version, name: names[i] },
        });
        expect((await take({ headers: signedBy('stripe', secret, body), body })).status).toBe(200);
      }
      expect(await Promise.all(names.map((name) => store().acts('shop', name)))).toEqual([1, 0, 1, 0]);
    });

    // Each list in the order of time. By their text all of these would be taken for older than the one before.
    test.each([
      [
        'a fraction where there was none',
        ['2026-01-02T00:00:00Z', '2026-01-02T00:00:00.5Z', '2026-01-02T00:00:00.51Z'],
      ],
      ['the end of summer time', ['2026-11-01T01:30:00-04:00', '2026-11-01T01:00:00-05:00']],
      [
        'a zone that moves west',
        ['2026-01-02T09:00:00+0200', '2026-01-02T08:00:00Z', '2026-01-02T04:00:01-04'],
      ],
      ['nanoseconds', ['2026-01-02T00:00:00.1Z', '2026-01-02T00:00:00.100000001Z', '2026-01-02T00:00:01Z']],
    ])('a later time is a later state, and an earlier one is not: %s', async (_what, times) => {
      const taking = (entity: string) => async (version: string) => {
        const name = uniqueName();
        const body = JSON.stringify({
          id: `evt_${name}`,
          type: 'subscription.updated',
          entity,
          version,
          name,
        });
        const take = store().receiver({ shop: source });
        expect((await take({ headers: signedBy('stripe', secret, body), body })).status).toBe(200);
        return store().acts('shop', name);
      };
      const [forth, back] = [taking(randomUUID()), taking(randomUUID())];
      for (const time of times) expect([time, await forth(time)]).toEqual([time, 1]);
      for (const [i, time] of times.toReversed().entries())
        expect([time, await back(time)]).toEqual([time, i === 0 ? 1 : 0]);
    });

    test('of states that come at once the last that acts is the latest', async () => {
      const entity = randomUUID();
      const names = Array.from({ length: 10 }, uniqueName);
      const order: number[] = [];
      const take = store().receiver({ shop: source });
      // 503 says "come again", as when a later one was committed at the same moment.
      const untilTaken = async (version: number): Promise<void> => {
        const { status } = await take(event(entity, version, names[version] ?? ''));
        if (status === 503) return untilTaken(version);
        expect(status).toBe(200);
        order.push(version);
      };
      await Promise.all(names.map((_, version) => untilTaken(version)));
      expect(await store().acts('shop', names[9] ?? '')).toBe(1);
      await take(event(entity, 8, uniqueName()));
      expect(Object.keys(last()?.events ?? {})).toEqual(['stale']);
      expect(order).toHaveLength(10);
    });

    test('states of two types and of two sources do not meet', async () => {
      const [entity, name] = [randomUUID(), uniqueName()];
      const take = store().receiver({ shop: source, other: source });
      await take(event(entity, 9, uniqueName()));
      expect((await take({ ...event(entity, 1, name), source: 'other' })).status).toBe(200);
      expect(await store().acts('other', name)).toBe(1);
    });
  });

  describe('published', () => {
    test('receipt and event are one commit: three deliveries leave one event in the stream of its entity', async () => {
      const known = sender('Stripe (stripe), snapshot');
      const take = store().receiver(
        { pay: { ...sourceOf(known), entity: () => 'customer-7' } },
        { publishes: true, handle: undefined },
      );
      const names = [uniqueName(), uniqueName()];
      for (const name of [...names, ...names, ...names])
        expect((await take({ source: 'pay', ...(await known.deliver(name)) })).status).toBe(200);
      const one = { type: 'pay.invoice.paid', kind: 'webhook.pay', name: 'customer-7' };
      expect(await store().published()).toMatchObject([one, one]);
    });

    test('two sources that give the same id are two events', async () => {
      const known = sender();
      const take = store().receiver({ one: sourceOf(known), two: sourceOf(known) });
      const name = uniqueName();
      for (const source of ['one', 'two', 'one', 'two'])
        await take({ source, ...(await known.deliver(name)) });
      expect([await store().acts('one', name), await store().acts('two', name)]).toEqual([1, 1]);
    });
  });

  describe('handshakes', () => {
    test('Slack gets its challenge back, if it was signed', async () => {
      const secret = randomUUID();
      const body = JSON.stringify({
        type: 'url_verification',
        challenge: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P',
      });
      const take = store().receiver({ shop: { scheme: slack(), secrets: fixedSecrets(secret) } });
      const answer = await take({ headers: signedBy('slack', secret, body), body });
      expect(answer).toMatchObject({ status: 200, body: expect.stringContaining('3eZbrw1aBm') as string });
      expect(last()?.outcome).toBe('handshake');
      expect((await take({ headers: signedBy('slack', randomUUID(), body), body })).status).toBe(401);
    });

    test('Zoom gets its token hashed with the secret that it knows, while another one counts too', async () => {
      const plainToken = 'qgg8vlvZRS6UYooatFL8Aw';
      const body = JSON.stringify({ event: 'endpoint.url_validation', payload: { plainToken } });
      const secrets = fixedSecrets('the new one', 'the old one');
      const take = store().receiver({ shop: { scheme: zoom(), secrets } });
      for (const secret of ['the new one', 'the old one']) {
        const answer = await take({ headers: signedBy('zoom', secret, body), body });
        const encryptedToken = createHmac('sha256', secret).update(plainToken).digest('hex');
        expect(JSON.parse(String(answer.body))).toEqual({ plainToken, encryptedToken });
      }
    });

    test('Zoom gets its token hashed with the secret', async () => {
      const secret = 'zoomsecret';
      const body = JSON.stringify({
        event: 'endpoint.url_validation',
        payload: { plainToken: 'qgg8vlvZRS6UYooatFL8Aw' },
      });
      const take = store().receiver({ shop: { scheme: zoom(), secrets: fixedSecrets(secret) } });
      const answer = await take({ headers: signedBy('zoom', secret, body), body });
      expect(JSON.parse(String(answer.body))).toEqual({
        plainToken: 'qgg8vlvZRS6UYooatFL8Aw',
        // printf %s qgg8vlvZRS6UYooatFL8Aw | openssl dgst -sha256 -hmac zoomsecret
        encryptedToken: '83b2a60d4bbe49dc93763ed9e727a9a7690cbe4c1f8bb0adc0ffccd09ecb1384',
      });
    });
  });

  describe('settings', () => {
    const source = sourceOf(sender());
    test.each([
      ['no source', () => store().receiver({})],
      ['no effect', () => store().receiver({ shop: source }, { handle: undefined })],
      ['a source whose name is no name', () => store().receiver({ 'a/b': source })],
      ['no secret', () => store().receiver({ shop: { scheme: stripe() } })],
      [
        'a tolerance that is none',
        () => store().receiver({ shop: { ...source, toleranceSeconds: Number.NaN } }),
      ],
      ['a limit that is none', () => store().receiver({ shop: source }, { maxBodyBytes: 0 })],
      [
        'a window shorter than the sender tries',
        () =>
          store().receiver(
            { shop: source },
            { settings: { receiverName: 'h', windowSeconds: 3600, secretIds: {} } },
          ),
      ],
    ])('%s is an error at start', (_, make) => {
      expect(make).toThrow(expect.objectContaining({ name: 'InvalidSettings' }) as Error);
    });
  });
});

function allBut(name: string) {
  const all = [
    'hrtime',
    'nextTick',
    'performance',
    'queueMicrotask',
    'setImmediate',
    'clearImmediate',
    'setInterval',
    'clearInterval',
    'setTimeout',
    'clearTimeout',
  ] as const;
  return all.filter((one) => one !== name);
}
