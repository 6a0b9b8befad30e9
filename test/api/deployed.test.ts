import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import * as fc from 'fast-check';
import { checks, runChecks } from '../../cli/conformance/suite.js';
import { Subject } from '../../cli/conformance/subject.js';
import { deployStack } from '../../targets/deploy.js';
import { startEmbedded, type EmbeddedTarget } from '../../targets/embedded/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { dynamo, row } from '../fixtures/dynamo.js';
import { sender, type Received, type Sent } from './deployed/client.js';

const runs = Number(process.env.FUZZ_RUNS ?? 40);
const seed = Number(process.env.FUZZ_SEED ?? 1);

jest.setTimeout(240_000);

// Of its own, as of every test that bootstraps an account.
let target: EmbeddedTarget;
let outputs: Readonly<Record<string, string>>;
let client: ReturnType<typeof dynamo>;
beforeAll(async () => {
  target = await startEmbedded();
  client = dynamo({ endpoint: target.endpoint });
  const app = `tsx ${join(__dirname, 'deployed', 'app.ts')}`;
  outputs = await deployStack(target, { app, stack: 'KeyedApis' });
});
afterAll(async () => {
  client.destroy();
  await target.stop();
});

type Kind = 'Http' | 'Rest';
const url = (kind: Kind) => outputs[`${kind}Url`] ?? '';
const accounts = (kind: Kind) =>
  table({ name: outputs[`${kind}AccountsTable`] ?? '', partitionKey: 'account' });
const payments = async (kind: Kind, account: string) =>
  Number((await row(client, accounts(kind), { account }))?.payments ?? 0);
const text = ({ body }: Received) => body.toString();
const problem = (answer: Received) => (JSON.parse(text(answer)) as { type: string }).type.replace(/^.*:/, '');

/** A request and the same again: what both are told, and the effects of both. */
interface Situation {
  /** With the numbers of the contract in docs/api.md. */
  readonly what: string;
  readonly first: (account: string) => Sent;
  /** @default - the same as the first */
  readonly second?: (account: string) => Sent;
  readonly status: readonly [first: number, second: number];
  /** Of both, or of the second one where the first acts. */
  readonly problem?: string;
  readonly effects: number;
  readonly also?: (first: Received, second: Received) => void;
}

const body = (account: string, more: object = {}) => ({ account, cents: 5, ...more });

const situations: readonly Situation[] = [
  {
    what: '1, 2: the saved answer is sent again',
    first: (account) => ({ key: account, body: body(account) }),
    status: [201, 201],
    effects: 1,
    also: (first, second) => {
      expect(first.headers).toMatchObject({ location: expect.stringMatching(/^\/payments\//) });
      expect(second.headers).toMatchObject({
        'idempotent-replayed': 'true',
        location: first.headers['location'],
        'content-type': 'application/json',
      });
      expect(text(second)).toBe(text(first));
    },
  },
  {
    what: '2: bytes come back as they were',
    first: (account) => ({ key: account, body: body(account, { then: 'answers bytes' }) }),
    status: [200, 200],
    effects: 1,
    also: (...answers) => {
      for (const answer of answers)
        expect([...answer.body]).toEqual(Array.from({ length: 256 }, (_, i) => i));
    },
  },
  {
    what: '2: a cookie is for who got the first answer',
    first: (account) => ({ key: account, body: body(account, { then: 'sets a cookie' }) }),
    status: [201, 201],
    effects: 1,
    also: (first, second) => {
      expect(first.headers).toHaveProperty('set-cookie', 'session=1');
      expect(second.headers).not.toHaveProperty('set-cookie');
    },
  },
  {
    what: '3: the quoted and the bare form are one key',
    first: (account) => ({ key: account, body: body(account) }),
    second: (account) => ({ key: `"${account}"`, body: body(account) }),
    status: [201, 201],
    effects: 1,
  },
  {
    what: '4: without a key',
    first: (account) => ({ body: body(account) }),
    status: [400, 400],
    problem: 'key-missing',
    effects: 0,
  },
  {
    what: '5: with a key that is none',
    first: (account) => ({ key: `a, ${account}`, body: body(account) }),
    status: [400, 400],
    problem: 'key-malformed',
    effects: 0,
  },
  {
    what: '6: another body under a used key',
    first: (account) => ({ key: account, body: body(account) }),
    second: (account) => ({ key: account, body: body(account, { cents: 6 }) }),
    status: [201, 422],
    problem: 'key-reused',
    effects: 1,
  },
  {
    what: '6: another query under a used key',
    first: (account) => ({ key: account, body: body(account) }),
    second: (account) => ({ key: account, body: body(account), query: { dry: '1' } }),
    status: [201, 422],
    problem: 'key-reused',
    effects: 1,
  },
  {
    what: '7: another method is another request',
    first: (account) => ({ key: account, body: body(account) }),
    second: (account) => ({ key: account, body: body(account), method: 'PUT' }),
    status: [201, 201],
    effects: 2,
  },
  {
    what: '7: another resource is another request',
    first: (account) => ({ key: account, body: body(account), path: '/1' }),
    second: (account) => ({ key: account, body: body(account), path: '/2' }),
    status: [201, 201],
    effects: 2,
  },
  {
    what: '9: a body that does not fit, and is corrected under the same key',
    first: (account) => ({ key: account, body: body(account, { cents: 'many' }) }),
    second: (account) => ({ key: account, body: body(account) }),
    status: [400, 201],
    effects: 1,
    also: (first) => {
      expect(problem(first)).toBe('body-invalid');
      expect(JSON.parse(text(first))).toMatchObject({ errors: [{ path: '/cents' }] });
    },
  },
  {
    what: '9: a body that is no JSON',
    first: (account) => ({ key: account, body: Buffer.from('{') }),
    status: [400, 400],
    problem: 'body-invalid',
    effects: 0,
  },
  {
    what: '10: a refusal of the handler is saved',
    first: (account) => ({ key: account, body: body(account, { then: 'refuses' }) }),
    status: [402, 402],
    effects: 0,
    also: (first, second) => expect(text(second)).toBe(text(first)),
  },
  {
    what: '11: an answer for now is not saved, and says when',
    first: (account) => ({ key: account, body: body(account, { then: 'busy' }) }),
    status: [429, 429],
    effects: 0,
    also: (...answers) => {
      for (const { headers } of answers)
        expect(headers).toMatchObject({ 'retry-after': '7', 'x-should-retry': 'true' });
    },
  },
  {
    what: '12: a handler that throws',
    first: (account) => ({ key: account, body: body(account, { then: 'throws' }) }),
    status: [500, 500],
    problem: 'handler-failed',
    effects: 0,
  },
  {
    what: '16: GET without a handler for it',
    first: () => ({ method: 'GET' }),
    status: [405, 405],
    effects: 0,
  },
  {
    what: '22: a body of more than 1 MiB',
    first: (account) => ({ key: account, body: body(account, { more: 'x'.repeat(1024 * 1024) }) }),
    status: [413, 413],
    problem: 'body-too-large',
    effects: 0,
  },
  {
    what: '23: a body in an encoding that nobody knows',
    first: (account) => ({ key: account, body: body(account), headers: { 'content-encoding': 'zstd' } }),
    status: [415, 415],
    problem: 'encoding-unsupported',
    effects: 0,
  },
  {
    what: '23: a body in gzip, and the same without',
    first: (account) => ({
      key: account,
      body: gzipSync(JSON.stringify(body(account))),
      // An HTTP API hands `application/json` over as text, whatever its encoding, and the bytes are lost.
      headers: { 'content-encoding': 'gzip', 'content-type': 'application/vnd.payment+json' },
    }),
    second: (account) => ({ key: account, body: body(account) }),
    status: [201, 201],
    effects: 1,
  },
  {
    what: '24: DELETE as POST',
    first: (account) => ({ method: 'DELETE', path: '/1', key: account, body: body(account) }),
    status: [201, 201],
    effects: 1,
  },
  {
    what: 'a request that nobody signed',
    first: (account) => ({ key: account, body: body(account), unsigned: true }),
    status: [403, 403],
    effects: 0,
  },
];

describe.each<Kind>(['Http', 'Rest'])('an IdempotentApi of the kind %s, deployed', (kind) => {
  test.each(situations)('$what', async ({ first, second = first, status, effects, also, ...more }) => {
    const send = sender(target, url(kind));
    const account = randomUUID();
    const answers = [await send(first(account)), await send(second(account))] as const;
    expect(answers.map((answer) => answer.status)).toEqual(status);
    for (const answer of answers)
      if (more.problem !== undefined && answer.status >= 400) expect(problem(answer)).toBe(more.problem);
    also?.(...answers);
    expect(await payments(kind, account)).toBe(effects);
  });

  test('10 at once with one key act once, and all get the answer', async () => {
    const send = sender(target, url(kind));
    const account = randomUUID();
    const asked = { key: account, body: body(account) };
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(asked)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(text)).size).toBe(1);
    expect(await payments(kind, account)).toBe(1);
  });

  test('it passes the checks of the Idempotency-Key draft', async () => {
    const account = randomUUID();
    const { region, credentials } = target.client;
    const results = await runChecks(
      new Subject({
        url: new URL(`${target.httpUrl(url(kind)).replace(/\/$/, '')}/payments`),
        method: 'POST',
        headers: [['Content-Type', 'application/json']],
        body: JSON.stringify(body(account)),
        otherBody: JSON.stringify(body(account, { cents: 6 })),
        signer: { region, ...credentials },
        timeoutMs: 30_000,
      }),
    );
    expect(results.filter(({ result }) => result === 'fail')).toEqual([]);
    expect(results).toHaveLength(checks.length);
  });

  test(`${runs} random requests, each twice: no 5xx of ours, and none acts twice`, async () => {
    const send = sender(target, url(kind));
    const before = await counted(kind);
    let acted = 0;
    const statuses = new Map<number, number>();
    await fc.assert(
      fc.asyncProperty(request, async (drawn) => {
        const first = await send(drawn);
        const second = await send(drawn);
        expect(first.status).toBeLessThan(500);
        expect(second.status).toBe(first.status);
        if (first.status === 201) {
          expect(second.headers).toHaveProperty('idempotent-replayed', 'true');
          if (first.headers['idempotent-replayed'] === undefined) acted += 1;
        }
        expect(text(second)).toBe(text(first));
        statuses.set(first.status, (statuses.get(first.status) ?? 0) + 1);
      }),
      { numRuns: runs, seed },
    );
    expect((await counted(kind)) - before).toBe(acted);
    // R42: more than refusals was met.
    expect(acted).toBeGreaterThan(0);
    expect([...statuses.keys()]).toEqual(expect.arrayContaining([201, 400]));
  });
});

/** Header values as HTTP can carry them, and bodies of all kinds. */
const value = fc.oneof(
  fc.stringMatching(/^[!-~]{0,40}$/),
  fc.constantFrom('a', '"a"', '"a', 'a, b', '"\\"', 'constructor', '__proto__', '"a";v=1'),
);
const request: fc.Arbitrary<Sent> = fc.record({
  method: fc.constantFrom('POST', 'POST', 'PUT'),
  path: fc.constant(''),
  query: fc.dictionary(fc.stringMatching(/^[a-z%&=+ ]{1,5}$/), fc.string({ maxLength: 5 }), { maxKeys: 2 }),
  key: fc.option(fc.oneof({ weight: 3, arbitrary: fc.uuid() }, value), { nil: undefined, freq: 8 }),
  headers: fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    fc.constantFrom<Record<string, string>[]>(
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x+json; charset=utf-16' },
      { 'content-encoding': 'gzip' },
      { 'content-encoding': 'br, gzip' },
    ),
  ),
  body: fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ account: fc.constantFrom('x', 'y'), cents: fc.integer({ min: 0, max: 9 }) }),
    },
    fc.jsonValue(),
    fc.uint8Array({ maxLength: 200 }),
    fc.nat(300).map((depth) => Buffer.from('['.repeat(depth))),
  ),
});

/** Payments of all accounts of an API. */
async function counted(kind: Kind): Promise<number> {
  const { Items = [] } = await client.send(
    new ScanCommand({ TableName: accounts(kind).name, ConsistentRead: true }),
  );
  return Items.reduce((sum, { payments }) => sum + Number(payments?.N ?? 0), 0);
}
