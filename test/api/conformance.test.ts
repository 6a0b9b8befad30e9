import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { Command, CommanderError } from 'commander';
import { addConformance } from '../../cli/commands/conformance.js';
import type { CheckResult } from '../../cli/conformance/check.js';
import { signed, signerOf } from '../../cli/conformance/sign.js';
import { checks, runChecks } from '../../cli/conformance/suite.js';
import { Subject } from '../../cli/conformance/subject.js';
import { dynamo, newTable } from '../fixtures/dynamo.js';
import { startBadServer } from './bad-server.js';
import { Charges } from './charges.js';
import { paymentsApi } from './payments.js';
import { serve, serveApi, type Server } from './server.js';
import { onEachStore } from './stores.js';

const client = dynamo();
const servers: Server[] = [];
afterAll(async () => {
  client.destroy();
  await Promise.all(servers.map((server) => server.stop()));
});

async function started(starting: Promise<Server>): Promise<string> {
  const server = await starting;
  servers.push(server);
  return server.url;
}

async function ourApi(): Promise<string> {
  const [receipts, accounts] = await Promise.all([newTable(client, 'id'), newTable(client, 'account')]);
  return started(serveApi(paymentsApi({ receipts: receipts.name, accounts: accounts.name }, client)));
}

const bodies = ['{"account":"a","cents":1}', '{"account":"b","cents":2}'] as const;

function subject(url: string): Subject {
  return new Subject({
    url: new URL(`${url}/payments`),
    method: 'POST',
    headers: [
      ['Content-Type', 'application/json'],
      ['Authorization', 'alice'],
    ],
    otherHeaders: [['authorization', 'bob']],
    body: bodies[0],
    otherBody: bodies[1],
    timeoutMs: 10_000,
  });
}

const failed = (results: readonly CheckResult[]) =>
  results.filter(({ result }) => result !== 'pass').map(({ id, detail }) => `${id}: ${detail ?? ''}`);

onEachStore(({ api }) => {
  test('this library’s own API passes every check', async () => {
    expect(failed(await runChecks(subject(await started(serveApi(api())))))).toEqual([]);
  });
});

test('so does one that charges at a provider under a lease, where requests at once are answered with 409', async () => {
  const charges = await Charges.start();
  try {
    const url = await started(serveApi(charges.api('nothing')));
    expect(failed(await runChecks(subject(url)))).toEqual([]);
  } finally {
    await charges.stop();
  }
});

test('so does another implementation, written after the draft', async () => {
  expect(failed(await runChecks(subject(await started(startBadServer(undefined)))))).toEqual([]);
});

test.each(checks.map(({ id }) => id))(
  'a server that gets %s wrong fails that check, and no other',
  async (id) => {
    const results = await runChecks(subject(await started(startBadServer(id))));
    expect(failed(results).map((line) => line.split(':')[0])).toEqual([id]);
  },
);

test('docs/api.md lists the checks under their numbers', () => {
  const page = readFileSync(join(__dirname, '../../docs/api.md'), 'utf8');
  const rows = [...page.matchAll(/^\| (\d+) \| (.+) \| (.+) \|$/gm)].map(([, ...cells]) => cells.join(' | '));
  for (const [i, { title, section }] of checks.entries())
    expect(rows).toContain(`${i + 1} | ${title} | ${section}`);
});

test('requests are signed as the SDK signs them', async () => {
  const region = 'us-east-1';
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'token' };
  const now = new Date('2026-11-23T12:34:56.789Z');
  const url = new URL("https://api.example.com/a%20b/pay(1)?b=2&a='1 x'");
  const asked = { method: 'POST', url, headers: [['Other', '1']] as [string, string][], body: bodies[0] };
  const sent = new Map(signed(asked, { region, ...credentials }, now).headers);
  const sdk = await new SignatureV4({
    service: 'execute-api',
    region,
    credentials,
    sha256: Sha256,
    applyChecksum: false,
  }).sign(
    new HttpRequest({
      method: 'POST',
      hostname: url.hostname,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: { host: url.host },
      body: bodies[0],
    }),
    { signingDate: now },
  );
  expect(sent.get('authorization')).toBe(sdk.headers.authorization);
  expect(sent.get('Other')).toBe('1');
});

test('signing needs credentials', () => {
  expect(() => signerOf('us-east-1', {})).toThrow('--sign needs AWS_ACCESS_KEY_ID');
  expect(signerOf('us-east-1', { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' })).toEqual({
    region: 'us-east-1',
    accessKeyId: 'a',
    secretAccessKey: 'b',
    sessionToken: undefined,
  });
});

interface Said {
  readonly out: string;
  readonly status: number | undefined;
  readonly error?: unknown;
}

/** What the command prints, and its exit status if it sets one. */
async function command(...args: string[]): Promise<Said> {
  const lines: string[] = [];
  const write = jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  const before = process.exitCode;
  const program = new Command().exitOverride();
  program.configureOutput({ writeErr: () => undefined });
  addConformance(program);
  for (const one of program.commands) one.exitOverride().configureOutput({ writeErr: () => undefined });
  try {
    process.exitCode = undefined;
    let error: unknown;
    await program
      .parseAsync(['conformance', ...args], { from: 'user' })
      .catch((caught: unknown) => (error = caught));
    return { out: lines.join(''), status: process.exitCode as number | undefined, error };
  } finally {
    process.exitCode = before;
    write.mockRestore();
  }
}

const given = ['--body', bodies[0], '--other-body', bodies[1], '--header', 'Authorization: alice'];

describe('the command', () => {
  test('prints a table, and exits with 0 when nothing fails; what it cannot check it skips', async () => {
    const { out, status } = await command(`${await ourApi()}/payments`, ...given);
    expect(out).toMatch(/^#\s+RESULT\s+SECTION\s+CHECK/);
    expect(out).toContain(`${checks.length - 1} passed, 0 failed, 1 skipped`);
    expect(out).toContain('give --other-header to have a second caller');
    expect(status).toBeUndefined();
  });

  test('exits with 1 when a check fails, and says which as JSON', async () => {
    const url = await started(startBadServer('reuse-refused'));
    const { out, status } = await command(url, ...given, '--other-header', 'Authorization: bob', '--json');
    expect(status).toBe(1);
    const report = JSON.parse(out) as { failed: number; skipped: number; checks: CheckResult[] };
    expect(report).toMatchObject({ passed: checks.length - 1, failed: 1, skipped: 0 });
    expect(report.checks.find(({ result }) => result === 'fail')).toMatchObject({
      number: checks.findIndex(({ id }) => id === 'reuse-refused') + 1,
      id: 'reuse-refused',
      section: '2.7',
      detail: 'answered with 201',
    });
  });

  test.each([
    ['is not there', () => Promise.resolve('http://127.0.0.1:1/'), /no answer from http:\/\/127\.0\.0\.1:1/],
    [
      'does not take the request',
      () => started(serve((_request, _body, response) => void response.writeHead(403).end('no'))),
      /answered with 403, must be 2xx/,
    ],
  ])('cannot run when the API %s', async (_what, url, message) => {
    const { error } = await command(await url(), ...given);
    expect(error).toMatchObject({ name: 'CliError', message: expect.stringMatching(message) });
  });

  test.each([
    ['a URL', ['no-url', ...given]],
    ['bodies', ['http://127.0.0.1:1/']],
    ['headers', ['http://127.0.0.1:1/', ...given, '--header', 'no header']],
    ['a timeout', ['http://127.0.0.1:1/', ...given, '--timeout', '0']],
  ])('asks for %s that can be', async (_what, args) => {
    expect((await command(...args)).error).toBeInstanceOf(CommanderError);
  });
});
