import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalTargetError } from '../local-target-error.js';

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

/** Another process holds an emulator for the project. */
export class LocalRunsError extends LocalTargetError {
  override readonly name = 'LocalRunsError';
}

/**
 * Written by the one process that holds the emulator; whoever reads it reads all of it or nothing.
 *
 * @throws LocalRunsError when another one has written it
 */
export async function writeState(project: string, state: LocalState): Promise<void> {
  const whole = `${stateFile(project)}.${state.pid}`;
  await writeFile(whole, JSON.stringify(state), { mode: 0o600 });
  try {
    await link(whole, stateFile(project));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new LocalRunsError(`another process has just started an emulator for ${project}: use that one`, {
      cause,
    });
  } finally {
    await rm(whole, { force: true });
  }
}

/** Makes the folder, which no repository of the user's shall hold. */
export async function makeStateFolder(project: string): Promise<void> {
  await mkdir(stateFolder(project), { recursive: true });
  await writeFile(join(stateFolder(project), '.gitignore'), '*\n');
}

/** Removes what the process wrote. What another one wrote since stays: nobody could end that one without it. */
export async function removeState(project: string, pid: number | undefined): Promise<void> {
  const text = await readFile(stateFile(project), 'utf8').catch(() => '');
  if (parsed(text)?.pid === pid) await rm(stateFile(project), { force: true });
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
  await removeState(project, state?.pid);
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
