import { Readable } from 'node:stream';
import {
  apiReceiptId,
  authenticatedCaller,
  httpApiHandler,
  type ApiResponse,
  type ResponseBody,
} from '../../runtime/api/index.js';
import { emptied } from '../fixtures/emptied.js';
import { json, type Shape } from './payments.js';
import { once, onEachStore } from './stores.js';

/** What `JSON.stringify` makes `{}`, nothing or null of. */
const unsayable: [string, () => unknown][] = [
  ...emptied.filter(([what]) => what !== 'a buffer without a view'),
  ['a stream of Node', () => Readable.from(['x'])],
  ['a function', () => () => 1],
  ['a symbol', () => Symbol('a')],
  ['NaN', () => NaN],
];

const context = { getRemainingTimeInMillis: () => 20_000 };
/** A request as API Gateway sends it. */
const event = ({ key = '', body }: Shape) =>
  ({
    routeKey: 'POST /payments',
    rawPath: '/payments',
    rawQueryString: '',
    headers: { 'idempotency-key': key, 'content-type': 'application/json' },
    requestContext: {
      stage: '$default',
      http: { method: 'POST' },
      authorizer: { jwt: { claims: { iss: 'i', sub: 'alice' } } },
    },
    isBase64Encoded: false,
    body: JSON.stringify(body),
  }) as unknown as Parameters<ReturnType<typeof httpApiHandler>>[0];

const mib = 1024 * 1024;

onEachStore(({ api, answering, ask, payments, store }) => {
  /** Answers as given first, and then as `pay` does. */
  function firstly(first: ApiResponse, more = {}) {
    let runs = 0;
    return api({
      handle: async (keyed, tx) => {
        const paid = await store().pay(keyed, tx);
        return (runs += 1) === 1 ? first : paid;
      },
      ...more,
    });
  }

  test.each([408, 425, 429, 503])(
    '10: %i of the handler says "come again": not committed, and the next try runs',
    async (status) => {
      const { account, key, body } = once();
      const busy = firstly({ status, headers: { 'Retry-After': '7' }, body: { title: 'later' } });
      const first = await ask({ key, body }, busy);
      expect(first).toMatchObject({ status, headers: { 'retry-after': '7', 'x-should-retry': 'true' } });
      expect(await payments(account)).toBeUndefined();
      const again = await ask({ key, body }, busy);
      expect(again.status).toBe(201);
      expect(again.headers).not.toHaveProperty('idempotent-replayed');
      expect(await payments(account)).toBe(1);
    },
  );

  test('10: which statuses are transient is an option', async () => {
    const { key, body } = once();
    const quota = firstly({ status: 429, headers: { 'Retry-After': '7' } }, { transientStatuses: [418] });
    expect((await ask({ key, body }, quota)).headers).toMatchObject({ 'x-should-retry': 'false' });
    expect(await ask({ key, body }, quota)).toMatchObject({
      status: 429,
      headers: { 'idempotent-replayed': 'true', 'retry-after': '7', 'x-should-retry': 'false' },
    });
    const other = once();
    const teapot = firstly({ status: 418 }, { transientStatuses: [418] });
    expect((await ask(other, teapot)).status).toBe(418);
    expect((await ask(other, teapot)).status).toBe(201);
  });

  test('2: what says how to read a body is replayed with it', async () => {
    const { key, body } = once();
    const headers = { 'Content-Encoding': 'gzip', 'Content-Type': 'text/csv', 'Content-Language': 'de' };
    const packed = answering(() => ({ status: 200, headers, body: Uint8Array.of(31, 139) }));
    const first = await ask({ key, body }, packed);
    expect(first.headers).toMatchObject({ 'content-encoding': 'gzip' });
    expect((await ask({ key, body }, packed)).headers).toEqual({
      ...first.headers,
      'idempotent-replayed': 'true',
    });
  });

  test.each<[string, Record<string, string>]>([
    ['a line break', { location: '/a\r\nset-cookie: b=1' }],
    ['a newline at the end', { location: '/a\n' }],
    ['a NUL', { location: 'a\u0000' }],
    ['a character beyond Latin-1', { 'content-disposition': 'attachment; filename="طلب.pdf"' }],
    ['a name that is no token', { 'a b': 'c' }],
    ['a name that is empty', { '': 'c' }],
    ['one name in two spellings', { Location: '/a', location: '/b' }],
    ['no text', { 'content-length': 5 as unknown as string }],
  ])('12: a header with %s is refused before the commit', async (_what, headers) => {
    const { account, key, body } = once();
    const answer = await ask(
      { key, body },
      answering(() => ({ status: 201, headers })),
    );
    expect([answer.status, await payments(account)]).toEqual([500, undefined]);
  });

  test('12: so is a cookie, a status that is none, and a body where there is none', async () => {
    for (const answer of [
      { status: 201, cookies: ['a=1\r\nb: c'] },
      { status: 99 },
      { status: 204, body: 'text' },
    ]) {
      const { account, key, body } = once();
      expect(
        (
          await ask(
            { key, body },
            answering(() => answer),
          )
        ).status,
      ).toBe(500);
      expect(await payments(account)).toBeUndefined();
    }
  });

  test('a handler does not say that its answer is a replay', async () => {
    const forwarding = answering(() => ({ status: 201, headers: { 'Idempotent-Replayed': 'true' } }));
    expect((await ask(once(), forwarding)).headers).not.toHaveProperty('idempotent-replayed');
  });

  test.each(unsayable)(
    '12: %s is no body, and no part of one: nothing is committed',
    async (_what, value) => {
      for (const body of [value(), { deep: [{ value: value() }] }]) {
        const request = once();
        const odd = answering(() => ({ status: 201, body: body as ResponseBody }));
        expect((await ask(request, odd)).status).toBe(500);
        expect(await payments(request.account)).toBeUndefined();
      }
    },
  );

  test.each<[string, () => ResponseBody, string]>([
    ['an ArrayBuffer', () => Uint8Array.of(1, 255).buffer, 'Af8='],
    ['a DataView', () => new DataView(Uint8Array.of(0, 1, 255).buffer, 1), 'Af8='],
    ['numbers of 16 bits', () => new Uint16Array([0xff01]), 'Af8='],
  ])('2: %s is sent and replayed as its bytes', async (_what, body, base64) => {
    const request = once();
    const bytes = answering(() => ({ status: 200, body: body() }));
    for (const answer of [await ask(request, bytes), await ask(request, bytes)]) {
      expect(answer.headers).toMatchObject({ 'content-type': 'application/octet-stream' });
      expect(Buffer.from(answer.body).toString('base64')).toBe(base64);
    }
  });

  test('2: integers of any length are saved and sent as they are, and what has toJSON by it', async () => {
    const request = once();
    const exact = answering(() => ({
      status: 200,
      body: { big: 12345678901234567890n, when: new Date(0), list: [9007199254740993n], none: undefined },
    }));
    const first = await ask(request, exact);
    expect(first.body).toBe(
      '{"big":12345678901234567890,"when":"1970-01-01T00:00:00.000Z","list":[9007199254740993]}',
    );
    expect((await ask(request, exact)).body).toBe(first.body);
  });

  test.each<[string, () => ResponseBody, number]>([
    ['text that fits', () => 'x'.repeat(5 * mib), 201],
    ['text beyond it', () => 'x'.repeat(6 * mib), 500],
    ['text that JSON makes longer', () => '"'.repeat(4 * mib), 500],
    ['text of a few bytes a character', () => '語'.repeat(2.5 * mib), 500],
    ['bytes that fit', () => new Uint8Array(4 * mib), 201],
    ['bytes that base64 makes longer', () => new Uint8Array(5 * mib), 500],
  ])('an answer that Lambda does not take is refused before the commit: %s', async (_what, body, status) => {
    const request = once();
    const big = answering(() => ({ status: 201, body: body() }), store().bigAnswers);
    const answer = await httpApiHandler(big)(event(request), context);
    expect(answer.statusCode).toBe(status);
    expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThan(6 * mib);
    expect(await payments(request.account)).toBe(status === 201 ? 1 : undefined);
    if (status === 500)
      expect(json({ body: answer.body ?? '' })).toMatchObject({
        detail: expect.stringContaining('nothing was committed'),
      });
  });

  test('an answer may be erased by the key of its request: it is gone, and the request still acts once', async () => {
    const { account, key, body } = once();
    await ask({ key, body });
    const caller = authenticatedCaller({ claims: { iss: 'https://issuer.example', sub: 'alice' } }) ?? '';
    const id = apiReceiptId({ apiName: 'payments', caller, method: 'POST', path: '/payments', key });
    await store().erase(id);
    expect(await ask({ key, body })).toMatchObject({ status: 410, body: '' });
    expect(await payments(account)).toBe(1);
  });
});
