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
