import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LocalTargetError } from '../local-target-error.js';
import { packageRoot } from '../package-root.js';
import { cacheFolder } from './cache-folder.js';

const run = promisify(execFile);

/** No Python that the emulator can run on was found on the PATH. */
export class PythonMissingError extends LocalTargetError {
  override readonly name = 'PythonMissingError';
}

/** The Python found has no working `venv` module. */
export class VenvMissingError extends LocalTargetError {
  override readonly name = 'VenvMissingError';
}

/** `pip install` of the pinned requirements failed. */
export class InstallFailedError extends LocalTargetError {
  override readonly name = 'InstallFailedError';
}

const candidates = [
  'python3',
  'python3.14',
  'python3.13',
  'python3.12',
  'python3.11',
  'python3.10',
  'python',
];
const oldestMinor = 10;
const printVersion = 'import sys; print("%d.%d.%d" % sys.version_info[:3])';

/**
 * The interpreter of a virtual environment that holds exactly `targets/embedded/requirements.txt`, or what else is
 * given, made on the first call.
 *
 * The folder's name carries a hash of the requirements and of the Python version, and it appears by one rename
 * once it is complete: a half-built or outdated environment is never used, and two processes may call this at
 * the same time.
 *
 * @param options.root the folder with `targets/embedded/requirements.txt`; `cacheFolder` says where it is built
 * @param options.requirements other pinned packages, below the root
 * @param options.path where Python is looked for, as in the environment variable PATH
 * @throws PythonMissingError, VenvMissingError, InstallFailedError
 */
export async function emulatorPython(
  log: (line: string) => void,
  options: { root?: string; path?: string; requirements?: string } = {},
): Promise<string> {
  const { root = packageRoot, path = process.env['PATH'] ?? '' } = options;
  const given = options.requirements ?? 'targets/embedded/requirements.txt';
  const requirements = join(root, given);
  const env = { ...process.env, PATH: path };
  const python = await findPython(env);
  const key = createHash('sha256')
    .update(`${python.version}\n`)
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
  const cache = cacheFolder(root);
  const environment = join(cache, `venv-${key}`);
  const interpreter = (folder: string) => join(folder, 'bin', 'python3');
  if (await exists(interpreter(environment))) return interpreter(environment);

  log(`installing ${given} into ${environment} (once)`);
  const building = join(cache, `building-${randomUUID()}`);
  await mkdir(building, { recursive: true });
  try {
    await makeVenv(python.command, building, env);
    await install(interpreter(building), requirements);
    await rename(building, environment).catch(async (error: unknown) => {
      // Another process was faster; what it built is the same by its name.
      if (!(await exists(interpreter(environment)))) throw error;
    });
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return interpreter(environment);
}

async function findPython(env: NodeJS.ProcessEnv): Promise<{ command: string; version: string }> {
  const tooOld: string[] = [];
  for (const command of candidates) {
    const version = await run(command, ['-c', printVersion], { env })
      .then(({ stdout }) => stdout.trim())
      .catch(() => undefined);
    if (version === undefined) continue;
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major === 3 && minor >= oldestMinor) return { command, version };
    tooOld.push(`${command} is ${version}`);
  }
  const found = tooOld.length > 0 ? ` (${tooOld.join(', ')})` : '';
  throw new PythonMissingError(
    `no Python 3.${oldestMinor} or newer on the PATH${found}: install one from https://www.python.org/downloads or your package manager and try again`,
  );
}

async function makeVenv(python: string, folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  try {
    await run(python, ['-m', 'venv', folder], { env });
  } catch (cause) {
    throw new VenvMissingError(
      `"${python} -m venv" failed: install Python's venv module (on Debian and Ubuntu: sudo apt install python3-venv) and try again\n${outputTail(cause)}`,
      { cause },
    );
  }
}

async function install(interpreter: string, requirements: string): Promise<void> {
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
  try {
    await run(interpreter, [...pip, '--require-hashes', '--requirement', requirements], {
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (cause) {
    throw new InstallFailedError(
      `pip could not install ${requirements}: check the connection to the package index (or pip's proxy and index settings) and try again\n${outputTail(cause)}`,
      { cause },
    );
  }
}

/** The last lines a failed child process printed. */
function outputTail(error: unknown): string {
  const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
  const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(-12).join('\n');
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
