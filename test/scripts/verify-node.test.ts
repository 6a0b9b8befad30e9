import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');
const onlyHere = process.platform === 'linux' && process.arch === 'x64' ? test : test.skip;

/** Runs the check with the Node.js that runs the tests, as CI does with the machine's own. */
function verify(environment: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts', 'verify-node.mjs')], {
    env: { ...process.env, CI: '', ...environment },
    encoding: 'utf8',
  });
  return { status, said: stdout + stderr };
}

onlyHere('the Node.js of the lock file is as written down', () => {
  expect(verify()).toEqual({ status: 0, said: expect.stringContaining('is as written down') });
});

describe('another folder', () => {
  let folder: string;
  const lock = (version: string) =>
    writeFileSync(
      join(folder, 'package-lock.json'),
      JSON.stringify({ packages: { 'node_modules/node': { version } } }),
    );
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'verify-node-'));
    mkdirSync(join(folder, 'node_modules', 'node', 'bin'), { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  onlyHere('a binary that was changed by one byte is refused, and is not run', () => {
    const { version } = JSON.parse(
      readFileSync(join(root, 'node_modules', 'node', 'package.json'), 'utf8'),
    ) as { version: string };
    lock(version);
    const binary = join(folder, 'node_modules', 'node', 'bin', 'node');
    writeFileSync(binary, `#!/bin/sh\ntouch ${join(folder, 'was-run')}\necho v${version}\n`, { mode: 0o755 });
    expect(verify({ VERIFY_NODE_ROOT: folder })).toEqual({
      status: 1,
      said: expect.stringContaining('do not run it'),
    });
    expect(readdirSync(folder)).not.toContain('was-run');
  });

  test('a version without a digest is refused in CI, and told of elsewhere', () => {
    lock('99.0.0');
    symlinkSync(process.execPath, join(folder, 'node_modules', 'node', 'bin', 'node'));
    for (const [CI, status] of [
      ['true', 1],
      ['', 0],
    ] as const)
      expect(verify({ VERIFY_NODE_ROOT: folder, CI })).toEqual({
        status,
        said: expect.stringContaining('no digest of Node.js 99.0.0'),
      });
  });
});

test('CI installs what the lock file says, with its digests, and nothing else', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { integrity?: string; link?: boolean; inBundle?: boolean }>;
  };
  const bare = Object.entries(packages).filter(
    ([name, { integrity, link, inBundle }]) => name !== '' && !integrity && !link && !inBundle,
  );
  expect(bare.map(([name]) => name)).toEqual([]);
  const folder = join(root, '.github', 'workflows');
  const files = [...readdirSync(folder).map((name) => join(folder, name)), join(root, '.ci', 'run')];
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    expect(text).not.toMatch(/npm (install|i|add|update)\b|npx --yes|npm exec/);
    // Who installs, verifies, before anything else.
    for (const [, next = ''] of text.matchAll(/npm ci[^\n]*\n(?:#[^\n]*\n)*([^\n]*)/g))
      expect(next).toContain('scripts/verify-node.mjs');
  }
});
