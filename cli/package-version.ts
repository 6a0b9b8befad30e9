import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The version of this package, as its package.json says. Sources and compiled files lie at different depths. */
export function packageVersion(folder: string = __dirname): string {
  try {
    const text = readFileSync(join(folder, 'package.json'), 'utf8');
    const { name, version } = JSON.parse(text) as { name?: string; version?: string };
    if (name === 'exactly-once-aws' && version !== undefined) return version;
  } catch {
    // None here, or somebody else's: further up.
  }
  const parent = dirname(folder);
  return parent === folder ? 'unknown' : packageVersion(parent);
}
