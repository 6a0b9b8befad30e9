import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Started, startCommandLine, startCommandLineIn } from './command-line.js';

let run: Started | undefined;
let bin: string;
beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), 'bin-'));
});
afterEach(async () => {
  await run?.remove();
  run = undefined;
  await rm(bin, { recursive: true });
});

/** Status 2, nothing on standard output, the problem said once with what to do, and nothing left running. */
async function expectRefusal(problem: RegExp): Promise<void> {
  const { status, stdout, stderr } = (await run?.ended) ?? {};
  expect(stderr).toMatch(problem);
  expect(stderr?.match(/could not run/g)).toHaveLength(1);
  expect(stderr?.match(new RegExp(problem, 'g'))).toHaveLength(1);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(run?.leftovers()).toEqual([]);
}

/** A Python of a version that no environment was made for, so that one has to be. */
const python = (venv: string) => `case "$1" in -c) echo 3.99.1;; *) ${venv};; esac`;
const venvWithoutPip =
  'mkdir -p "$3/bin"; printf "#!/bin/sh\\necho No module named pip >&2; exit 1\\n" > "$3/bin/python3"; chmod +x "$3/bin/python3"';

test.each([
  ['no Python', undefined, /could not run: no Python 3\.10 or newer on the PATH: install one from http.*/],
  ['no venv', python('exit 1'), /could not run: "python3 -m venv" failed: install Python's venv module.*/],
  [
    'no pip',
    python(venvWithoutPip),
    /could not run: pip could not install .*: check the connection.*\n.*No module named pip/,
  ],
])('%s', async (_, script, problem) => {
  if (script !== undefined) {
    await writeFile(join(bin, 'python3'), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
    await chmod(join(bin, 'python3'), 0o755);
  }
  run = await startCommandLineIn({ PATH: bin });
  await expectRefusal(problem);
});

test('the emulator dies', async () => {
  run = await startCommandLine();
  await run.said(/emulator ready/);
  await run.kill(/embedded\/serve\.py/);
  await expectRefusal(/could not run: the emulator ended by itself: free some memory .* and start again/);
});

test('the deployment fails', async () => {
  run = await startCommandLine();
  await run.said(/emulator ready/);
  await run.kill(/cdk synth /);
  await expectRefusal(/could not run: cdk synth failed: .*/);
});

test('a file of payments that is not there, and one with a bad line: nothing is started', async () => {
  run = await startCommandLine('--input', join(bin, 'missing'));
  await expectRefusal(/could not run: \S+ cannot be read \(ENOENT.*give --input a file that can/);
  await run.remove();

  await writeFile(
    join(bin, 'own.csv'),
    'id,customer,purchasedOn,cents\na,c,2026-01-01,1\nb,c,2026-01-01,x\n',
  );
  run = await startCommandLine('--input', join(bin, 'own.csv'));
  await expectRefusal(
    /line 3: cents 'x' is no whole number[^]*could not run: 1 line of .* is no payment .* --on-bad-line skip/,
  );
  expect((await run.ended).stderr).not.toContain('emulator');
});
