import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  emulatorPython,
  InstallFailedError,
  PythonMissingError,
  VenvMissingError,
} from '../../targets/embedded/python.js';

let root: string;
let bin: string;
let programs: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'python-test-'));
  bin = join(root, 'bin');
  await mkdir(bin);
  programs = join(root, 'programs');
  await mkdir(programs);
  for (const program of ['mkdir', 'sleep', 'cp', 'sh']) {
    await symlink(
      execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim(),
      join(programs, program),
    );
  }
  await mkdir(join(root, 'targets', 'embedded'), { recursive: true });
  await writeFile(join(root, 'targets', 'embedded', 'requirements.txt'), '');
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function fakePython(script: string): Promise<void> {
  await writeFile(join(bin, 'python3'), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, 'python3'), 0o755);
}

/** Makes "environments" that consist of itself. What the real one does is seen by every run of the tests. */
const python312 = (pip: string) => `
case "$1 $2" in
  -c*) echo 3.12.1 ;;
  "-m venv") mkdir -p "$3/bin" && sleep 0.2 && cp "$0" "$3/bin/python3" ;;
  "-m pip") ${pip} ;;
esac`;

// The programs of the script, but no Python.
const make = () => emulatorPython(() => undefined, { root, path: [bin, programs].join(':') });

test('no Python on the PATH is said with where to get one', async () => {
  await expect(make()).rejects.toThrow(PythonMissingError);
  await expect(make()).rejects.toThrow('install one from https://www.python.org/downloads');
});

test('a Python that is too old is named', async () => {
  await fakePython('echo 3.9.2');
  await expect(make()).rejects.toThrow('no Python 3.10 or newer on the PATH (python3 is 3.9.2)');
});

test('a Python without venv is said with the package to install, and nothing is left', async () => {
  await fakePython('case "$1" in -c) echo 3.12.1;; *) echo "No module named venv" >&2; exit 1;; esac');
  await expect(make()).rejects.toThrow(VenvMissingError);
  await expect(make()).rejects.toThrow(/python3-venv[^]*No module named venv/);
  expect(await readdir(join(root, '.local'))).toEqual([]);
});

test('a failed installation carries what pip said, and nothing is left', async () => {
  await fakePython(python312('echo "THESE PACKAGES DO NOT MATCH THE HASHES" >&2; exit 1'));
  await expect(make()).rejects.toThrow(InstallFailedError);
  await expect(make()).rejects.toThrow('THESE PACKAGES DO NOT MATCH THE HASHES');
  expect(await readdir(join(root, '.local'))).toEqual([]);
});

test('only pinned packages with their hashes are installed', async () => {
  await fakePython(python312(`echo "$@" > ${join(root, 'pip-arguments')}`));
  await make();
  expect(await readFile(join(root, 'pip-arguments'), 'utf8')).toContain(
    `--require-hashes --requirement ${join(root, 'targets', 'embedded', 'requirements.txt')}`,
  );
});

test('two callers at once get one complete environment, a changed list another', async () => {
  await fakePython(python312('true'));
  const [first, second] = await Promise.all([make(), make()]);
  expect(first).toBe(second);
  expect(await readdir(join(root, '.local'))).toHaveLength(1);
  await fakePython(python312('exit 1'));
  expect(await make()).toBe(first);

  await fakePython(python312('true'));
  await writeFile(join(root, 'targets', 'embedded', 'requirements.txt'), '# changed\n');
  expect(await make()).not.toBe(first);
  expect(await readdir(join(root, '.local'))).toHaveLength(2);
});
