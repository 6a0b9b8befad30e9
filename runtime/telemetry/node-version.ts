/** As `engines` of package.json, which a bundle does not have. */
const minimum = '22.3.0';
let said = false;

/**
 * Says at the first import that this Node.js is too old, before something fails in a way that does not say so. By the
 * global, as in log-line.ts. Once for all entry points of a process.
 */
export function warnOfOldNode(): void {
  // eslint-disable-next-line no-restricted-globals -- the version, not the environment
  const { node } = process.versions;
  if (said || !isOlder(node, minimum)) return;
  said = true;
  // eslint-disable-next-line no-restricted-globals -- the warning, not the environment
  process.emitWarning(
    `exactly-once-aws needs Node.js ${minimum} or newer, and this is ${node}: install a newer one`,
  );
}

/** By hand: the first comparison by a locale loads its tables, which costs ten milliseconds of every cold start. */
function isOlder(version: string, than: string): boolean {
  const [parts, needed] = [version, than].map((text) => text.split('.').map(Number)) as [number[], number[]];
  const differing = parts.findIndex((part, index) => part !== needed[index]);
  return differing >= 0 && (parts[differing] ?? 0) < (needed[differing] ?? 0);
}
