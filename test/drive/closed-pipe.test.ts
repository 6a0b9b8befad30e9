import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../targets/package-root.js';

test('a run of which nobody reads any more undoes what it started, and ends as it would have ended', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'closed-pipe-'));
  try {
    const [program, undone] = [join(folder, 'program.ts'), join(folder, 'undone')];
    await writeFile(
      program,
      `import { appendFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from ${JSON.stringify(join(packageRoot, 'drive', 'program.js'))};
void runProgram(async ({ undo }) => {
  undo.add('a target', () => appendFile(${JSON.stringify(undone)}, 'undone'));
  await sleep(500);
  process.stdout.write('a line that nobody reads\\n');
  await sleep(100);
  return 1;
});
`,
    );
    const line = '"$0" --import tsx "$1" 2>&1 | true; echo "${PIPESTATUS[0]}"';
    const { stdout } = await promisify(execFile)('bash', ['-c', line, process.execPath, program], {
      cwd: packageRoot,
    });
    expect(await readFile(undone, 'utf8')).toBe('undone');
    expect(stdout).toBe('1\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
