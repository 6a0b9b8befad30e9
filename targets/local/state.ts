import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What runs for a project, as the process that holds it wrote it down. */
export interface LocalState {
  /** Of the process that holds emulator and runner. */
  readonly pid: number;
  /** Address of every service of the emulator. */
  readonly endpoint: string;
  /** Where the process is told what to do. Whoever knows it may, so only the user can read the file. */
  readonly control: string;
}

/** Everything that is kept for a project: the state, the log, the outputs of its stacks. */
export function stateFolder(project: string): string {
  return join(project, '.exactly-once');
}

const stateFile = (project: string) => join(stateFolder(project), 'local.json');

/** Written by the one process that holds the emulator. @throws Error `EEXIST` when another one has written it */
export async function writeState(project: string, state: LocalState): Promise<void> {
  await writeFile(stateFile(project), JSON.stringify(state), { flag: 'wx', mode: 0o600 });
}

/** Makes the folder, which no repository of the user's shall hold. */
export async function makeStateFolder(project: string): Promise<void> {
  await mkdir(stateFolder(project), { recursive: true });
  await writeFile(join(stateFolder(project), '.gitignore'), '*\n');
}

export async function removeState(project: string): Promise<void> {
  await rm(stateFile(project), { force: true });
}

/**
 * What runs for the project. What a process left that died without a word is removed: its emulator has ended with it.
 *
 * @returns undefined when nothing runs
 */
export async function readState(project: string): Promise<LocalState | undefined> {
  const text = await readFile(stateFile(project), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const state = parsed(text);
  // Its number may be another process's by now, which answers nothing here.
  if (state !== undefined && isAlive(state.pid) && (await answers(state.control))) return state;
  await removeState(project);
  return undefined;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function parsed(text: string): LocalState | undefined {
  try {
    return JSON.parse(text) as LocalState;
  } catch {
    return undefined;
  }
}

async function answers(control: string): Promise<boolean> {
  return fetch(control, { signal: AbortSignal.timeout(10_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
