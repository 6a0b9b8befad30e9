import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Says at the first import that this Node.js is too old, before something fails in a way that does not say so. */
const problem = nodeProblem(process.versions.node);
if (problem !== undefined) process.emitWarning(problem);

/** What to say of a version, undefined when it is new enough. */
export function nodeProblem(version: string, minimum = minimumNode()): string | undefined {
  if (minimum === undefined || !isOlder(version, minimum)) return undefined;
  return `exactly-once-aws needs Node.js ${minimum} or newer, and this is ${version}: install a newer one`;
}

function isOlder(version: string, minimum: string): boolean {
  const parts = (text: string) => text.split('.').map(Number);
  const needed = parts(minimum);
  const differing = parts(version).findIndex((part, index) => part !== needed[index]);
  return differing >= 0 && (parts(version)[differing] ?? 0) < (needed[differing] ?? 0);
}

/** `engines` of this package's package.json, which lies above sources and compiled files at different depths. */
function minimumNode(folder: string = __dirname): string | undefined {
  try {
    const { name, engines } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      name?: string;
      engines?: { node?: string };
    };
    if (name === 'exactly-once-aws') return /^>=([\d.]+)$/.exec(engines?.node ?? '')?.[1];
  } catch {
    // None here: further up.
  }
  const parent = dirname(folder);
  return parent === folder ? undefined : minimumNode(parent);
}
