import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../targets/package-root.js';

test('when nobody reads any more, as with `| head`, it ends as it would have ended', async () => {
  // `true` is gone before the command prints anything.
  const line = '"$0" --import tsx "$1" --help | true; echo "${PIPESTATUS[0]}"';
  const { stdout, stderr } = await promisify(execFile)(
    'bash',
    ['-c', line, process.execPath, join('cli', 'main.ts')],
    { cwd: packageRoot },
  );
  expect(stderr).toBe('');
  expect(stdout).toBe('0\n');
});

test('what cannot be written to a full disk is an exit code of 2, and one sentence', async () => {
  const line = '"$0" --import tsx "$1" --help > /dev/full; echo "$?"';
  const { stdout, stderr } = await promisify(execFile)(
    'bash',
    ['-c', line, process.execPath, join('cli', 'main.ts')],
    { cwd: packageRoot },
  );
  expect(stderr).toMatch(/^could not run: what was found cannot be written: ENOSPC[^\n]*\n$/);
  expect(stdout).toBe('2\n');
});
