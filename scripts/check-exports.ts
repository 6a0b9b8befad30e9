/**
 * `npm run exports [folder]`: packs the package and reports everything that publint and "are the types wrong" find in
 * the tarball, for every way to resolve it (node10, node16 from CommonJS, node16 from ES modules, bundler). Exit code
 * 1 when there is anything.
 */
import type { Problem } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { packageRoot } from '../targets/package-root.js';
import { packTarball } from './pack.js';

type Manifest = Record<string, unknown>;

async function publintProblems(tarball: Uint8Array<ArrayBuffer>): Promise<string[]> {
  const { messages, pkg } = await publint({ pack: { tarball: tarball.buffer }, strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, pkg as Manifest) ?? message.code}`);
}

/** The fields that say where a problem lies; the rest of it is a trace of many pages. */
function describe(problem: Problem): string {
  const { kind, ...details } = problem;
  const place = Object.entries(details).filter(([, value]) => ['string', 'number'].includes(typeof value));
  return `types: ${kind} ${place.map(([name, value]) => `${name}=${String(value)}`).join(' ')}`;
}

async function typesProblems(
  tarball: Uint8Array<ArrayBuffer>,
): Promise<{ entries: string[]; problems: string[] }> {
  // Loaded as the ES module it is: `require` cannot resolve one of its dependencies.
  const { checkPackage, createPackageFromTarballData } = await import('@arethetypeswrong/core');
  const result = await checkPackage(createPackageFromTarballData(tarball));
  if (result.types === false)
    return { entries: [], problems: ['types: the tarball holds no declarations; run `npm run build` first'] };
  return { entries: Object.keys(result.entrypoints), problems: result.problems.map(describe) };
}

async function main(): Promise<void> {
  const tarball = await packTarball(process.argv[2] ?? packageRoot);
  const types = await typesProblems(tarball);
  const problems = [...(await publintProblems(tarball)), ...types.problems];
  for (const problem of problems) console.error(problem);
  console.log(`exports: ${problems.length} problems in ${types.entries.join(' ')}`);
  if (problems.length > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
