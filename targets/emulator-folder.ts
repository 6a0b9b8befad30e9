import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Credentials } from './target.js';

/**
 * What AWS Emulator writes at each start into `~/.aws/emulator/<port>/`: keys that are good for this run, and its
 * certificate.
 *
 * @see https://docs.aws.amazon.com/emulator/latest/userguide/cli-reference.html
 */
export interface EmulatorFolder {
  readonly path: string;
  readonly credentials?: Credentials;
  /** Path of `ca.pem`. */
  readonly caFile?: string;
}

/** Undefined when there is no such folder. */
export async function readEmulatorFolder(
  port: string,
  home = homedir(),
): Promise<EmulatorFolder | undefined> {
  const path = join(home, '.aws', 'emulator', port);
  const names = await readdir(path).catch(() => undefined);
  if (names === undefined) return undefined;
  let credentials: Credentials | undefined;
  // The keys are looked for by what a file says, not by its name. Certificates and trust stores hold none.
  for (const name of names.filter((name) => !/\.(pem|p12)$/.test(name)).sort())
    credentials ??= keysIn(await readFile(join(path, name), 'utf8').catch(() => ''));
  return {
    path,
    ...(credentials && { credentials }),
    ...(names.includes('ca.pem') && { caFile: join(path, 'ca.pem') }),
  };
}

function keysIn(text: string): Credentials | undefined {
  const value = (name: string) => new RegExp(`^\\s*${name}\\s*=\\s*(\\S+)\\s*$`, 'm').exec(text)?.[1];
  const accessKeyId = value('aws_access_key_id');
  const secretAccessKey = value('aws_secret_access_key');
  const sessionToken = value('aws_session_token');
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}
