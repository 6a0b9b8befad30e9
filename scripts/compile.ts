import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import manifest from '../package.json';
import { packageRoot } from '../targets/package-root.js';
import { allowMissingTypes } from './optional-types.js';
import { requireWhatIsImported } from './required.js';

const run = promisify(execFile);

/** The published trees do not compile. The message holds the compiler's output. */
export class CompileError extends Error {
  override readonly name = 'CompileError';
}

/** What each compilation leaves in the package, by the folder it goes to. */
const outputs = [
  { folder: 'cjs', config: 'tsconfig.build.cjs.json', manifest: { type: 'commonjs' } },
  // Bundlers look for `sideEffects` in the nearest package.json only, which is this one.
  { folder: 'esm', config: 'tsconfig.build.esm.json', manifest: { type: 'module', sideEffects: false } },
];

const optionalPeers = Object.entries(manifest.peerDependenciesMeta)
  .filter(([, { optional }]) => optional)
  .map(([name]) => name);

/**
 * Compiles the trees that are published: `cjs/` holds lib and runtime as CommonJS, `esm/` holds runtime as ES
 * modules, both with declarations. One output file per source file, never a bundle per entry point: a class that two
 * entry points share must be one class, or `instanceof` fails for errors that cross them.
 *
 * @param folder where `cjs/` and `esm/` go; files there are overwritten, none is removed.
 * @throws CompileError when a source does not compile; nothing of that format is written then.
 */
export async function compilePackage(folder: string): Promise<void> {
  const compiler = require.resolve('typescript/bin/tsc');
  for (const output of outputs) {
    const outDir = join(folder, output.folder);
    const args = [compiler, '--project', join(packageRoot, output.config), '--outDir', outDir];
    await run(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 }).catch((cause: unknown) => {
      const { stdout = '', stderr = '' } = cause as { stdout?: string; stderr?: string };
      throw new CompileError(`${output.config} does not compile\n${stdout}${stderr}`, { cause });
    });
    await mkdir(outDir, { recursive: true });
    await allowMissingTypes(outDir, optionalPeers);
    if (output.folder === 'cjs') await requireWhatIsImported(outDir);
    await writeFile(join(outDir, 'package.json'), `${JSON.stringify(output.manifest)}\n`);
  }
}
