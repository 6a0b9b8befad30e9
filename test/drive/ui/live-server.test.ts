import { request } from 'node:http';
import { startLiveServer, type LiveServer } from '../../../drive/ui/live-server.js';
import { liveRun, report } from './a-run.js';

const live = liveRun();
let server: LiveServer;
beforeAll(async () => void (server = await startLiveServer(() => live.state())));
afterAll(() => server.stop());

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET', asWritten?: string) =>
  new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
    const at = asWritten === undefined ? {} : { path: asWritten };
    const asking = request(new URL(path, server.url), { method, headers, ...at }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += String(chunk)));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    asking.on('error', reject).end();
  });

async function cookie(): Promise<string> {
  const { headers } = await ask(server.link);
  return String((headers['set-cookie'] as string[])[0]).split(';')[0]!;
}

test('only who has the link sees the run, on this machine and under its own address', async () => {
  expect(new URL(server.url).hostname).toBe('127.0.0.1');
  for (const path of ['/', '/events', '/report', '/?token=', server.link.slice(0, -1)])
    expect((await ask(path)).status).toBe(403);
  const known = { cookie: await cookie() };
  expect((await ask('/', known)).status).toBe(200);
  expect((await ask('/', { ...known, host: 'evil.example' })).status).toBe(421);
  expect((await ask('/', known, 'POST')).status).toBe(405);
});

test.each(['//', 'http://', '//[', '*'])('an address that is none does not end the run: %s', async (path) => {
  expect((await ask('/', {}, 'GET', path)).status).toBeGreaterThanOrEqual(400);
  expect((await ask('/', { cookie: await cookie() })).status).toBe(200);
});

test('the link is followed by an address without the token, and no page holds it', async () => {
  const { status, headers } = await ask(server.link);
  expect([status, headers['location']]).toEqual([303, '/']);
  const token = new URL(server.link).searchParams.get('token')!;
  expect((await ask('/', { cookie: await cookie() })).body).not.toContain(token);
});

test('the page is right without its script, has no inline one, and its policy lets none in', async () => {
  const { body, headers } = await ask('/', { cookie: await cookie() });
  expect(body).toContain('payments: 40 of 100');
  expect(body).toContain('23 s until what a killed function held comes back');
  expect(body.match(/<script[^>]*>/g)).toEqual(['<script src="/live.js" defer>']);
  const policy = String(headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('unsafe');
});

test('ends with the verdict of the terminal, what it came to in money, and the report', async () => {
  live.report = report;
  const headers = { cookie: await cookie() };
  const { body } = await ask('/', headers);
  expect(body).toContain('violated. 100 purchases.');
  expect(body).toContain('without protection: 2 customers were charged $3.00 too much.');
  expect((await ask('/report', headers)).body).toContain('payment &lt;p&gt; is lost');
});
