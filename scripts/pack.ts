import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The tarball that npm would publish for the package in `folder`. Its `dist/` must have been built. */
export async function packTarball(folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const destination = await mkdtemp(join(tmpdir(), 'exactly-once-pack-'));
  try {
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', destination], { cwd: folder });
    const [tarball] = await readdir(destination);
    if (tarball === undefined) throw new Error(`npm pack made no tarball of ${folder}`);
    return new Uint8Array(await readFile(join(destination, tarball)));
  } finally {
    await rm(destination, { recursive: true, force: true });
  }
}
