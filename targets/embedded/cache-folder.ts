import { homedir } from 'node:os';
import { isAbsolute, join, sep } from 'node:path';

/**
 * Where the emulator is installed to. As a dependency this package keeps nothing in `node_modules`, which every
 * install may empty: it takes the user's cache (`XDG_CACHE_HOME`, else `~/Library/Caches` on macOS and `~/.cache`
 * elsewhere). In a checkout of its own it is `.local/`.
 *
 * @see https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function cacheFolder(
  root: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (!root.includes(`${sep}node_modules${sep}`)) return join(root, '.local');
  const home = environment['HOME'] ?? homedir();
  const given = environment['XDG_CACHE_HOME'];
  const usual = platform === 'darwin' ? join(home, 'Library', 'Caches') : join(home, '.cache');
  // The specification has a relative path ignored.
  return join(given !== undefined && isAbsolute(given) ? given : usual, 'exactly-once-aws');
}
