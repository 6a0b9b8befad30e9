/**
 * Before `npm publish` (`prepublishOnly`), also in the workflow: says which fields of package.json are still empty.
 * They name where the package lives, which nobody knows before it has a place. Exit code 1 when one is missing.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../targets/package-root.js';
import { publishProblems } from './publish-problems.js';

async function main(): Promise<void> {
  const manifest = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as object;
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name } = process.env;
  const problems = publishProblems(manifest, server && name ? `${server}/${name}` : undefined);
  for (const problem of problems) console.error(`publish: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
