import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, realpathSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/**
 * Checks the Node.js binary that `npm ci` has put below node_modules. The package `node` of the lock file is a few
 * lines that install a package of the machine's kind when they are installed, and no lock file covers that one: so its
 * binary is compared here with what is written down in node-digests.json, before anything is run with it.
 *
 * A digest there is the SHA-256 of the binary in the npm package of that kind of machine, as the registry had it, with
 * its integrity, on the day that it was written down. So a package that is changed after that day is found; what was
 * wrong with it before is not, because the archives of nodejs.org were not at hand. A version without any is refused in
 * CI and told of elsewhere, a kind of machine without one is told of. Exit codes: 0 as written down, or nothing is; 1
 * otherwise.
 */
const root = process.env.VERIFY_NODE_ROOT ?? fileURLToPath(new URL('..', import.meta.url));
const digests = JSON.parse(readFileSync(new URL('node-digests.json', import.meta.url), 'utf8'));
const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages['node_modules/node']
  .version;
const machine = `${process.platform}-${process.arch}`;
const binary = realpathSync(
  join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node'),
);

const expected = digests[locked]?.[machine];
if (expected === undefined) {
  fail(
    Boolean(process.env.CI) && digests[locked] === undefined,
    `no digest of Node.js ${locked} for ${machine} is in scripts/node-digests.json: nothing was verified; add it, from the archive of nodejs.org where you can`,
  );
} else {
  const hash = createHash('sha256');
  await pipeline(createReadStream(binary), hash);
  const found = hash.digest('hex');
  if (found !== expected)
    fail(true, `${binary} has the SHA-256 ${found}, and should have ${expected}: do not run it`);
  const { stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  if (stdout.trim() !== `v${locked}`)
    fail(true, `it says that it is ${stdout.trim()}, and should be v${locked}`);
  console.log(`Node.js ${locked} for ${machine} is as written down`);
}

function fail(isFatal, problem) {
  console.error(problem);
  if (isFatal) process.exit(1);
}
