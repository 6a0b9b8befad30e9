import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix, relative, resolve } from 'node:path';
import type * as Esbuild from 'esbuild';
import { handlerBundling } from './handler-bundling.js';

type Outputs = Esbuild.Metafile['outputs'];

/** What came of a handler's bundle. */
export interface HandlerBundle {
  /** Which files of the sources and packages the bundle is made of, and which of them are loaded at start. */
  readonly sources: Esbuild.Metafile;
  /** The files that were written. */
  readonly written: Outputs;
}

/**
 * Bundles a handler as {@link handlerBundling} says, with one chunk for all that is loaded at start and shared with
 * what is loaded later. esbuild makes a chunk for each set of modules that the same `import()`s reach, which are some
 * twenty, and Node takes half a millisecond to find and link each. So there are two runs: in the second one every
 * `import()` reaches every chunk of the start, whose code is then one set. It is loaded by then, so nothing runs
 * earlier or twice.
 *
 * Guarantees that what is loaded with `import()` is loaded when it is needed, as before. A chunk that awaits at its
 * top level stays by itself: what it awaits could wait for it.
 *
 * @param esbuild the app's.
 * @param options what to bundle (`entryPoints` or `stdin`) and where to write it, and options in place of
 *   handlerBundling's.
 * @throws what esbuild throws for sources that it cannot bundle.
 * @see https://esbuild.github.io/api/#splitting
 */
export function bundleHandler(
  esbuild: typeof Esbuild,
  options: Esbuild.BuildOptions & { readonly outdir: string },
): HandlerBundle {
  // Not beside the app: esbuild would ask its package.json whether the chunks have side effects.
  const folder = mkdtempSync(join(tmpdir(), 'exactly-once-bundle-'));
  const { absWorkingDir = process.cwd() } = options;
  const outdir = resolve(absWorkingDir, options.outdir);
  try {
    const split = esbuild.buildSync({
      ...handlerBundling,
      ...options,
      absWorkingDir,
      outdir: folder,
      write: false,
      metafile: true,
    });
    const outputs = relativeTo(folder, absWorkingDir, split.metafile.outputs);
    const atStart = loadedAtStart(outputs);
    const code = new Map(split.outputFiles.map(({ path, text }) => [unixPath(relative(folder, path)), text]));
    const shared = [...atStart].filter(
      (path) => path !== start && !awaitsAtTopLevel(esbuild, code.get(path) ?? ''),
    );
    for (const [path, text] of code) {
      const isLoadedLater = outputs[path]?.entryPoint !== undefined && !atStart.has(path);
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, isLoadedLater ? importsOf(shared, path) + text : text);
    }
    const { metafile } = esbuild.buildSync({
      ...handlerBundling,
      ...(options.minify !== undefined && { minify: options.minify }),
      ...(options.legalComments !== undefined && { legalComments: options.legalComments }),
      absWorkingDir: folder,
      entryPoints: [start],
      outdir,
      // Each file has it from the first run.
      banner: {},
      packages: 'external',
      metafile: true,
    });
    return {
      sources: { ...split.metafile, outputs },
      written: relativeTo(outdir, folder, metafile.outputs),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The file that Lambda loads. */
const start = 'index.mjs';

/** Paths of outputs, of themselves and of what they import, from the folder that they are in. */
function relativeTo(folder: string, workingDirectory: string, outputs: Outputs): Outputs {
  const from = (path: string) => unixPath(relative(folder, join(workingDirectory, path)));
  return Object.fromEntries(
    Object.entries(outputs).map(([path, output]) => [
      from(path),
      {
        ...output,
        imports: output.imports.map((record) =>
          outputs[record.path] === undefined ? record : { ...record, path: from(record.path) },
        ),
      },
    ]),
  );
}

/** The entry's file and whatever it imports other than by `import()`. */
export function loadedAtStart(outputs: Outputs): ReadonlySet<string> {
  const loaded = new Set<string>();
  const load = (file: string) => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const { path, kind } of outputs[file]?.imports ?? [])
      if (kind === 'import-statement' && outputs[path] !== undefined) load(path);
  };
  load(start);
  return loaded;
}

function importsOf(files: readonly string[], importer: string): string {
  return files.map((file) => `import ${JSON.stringify(specifier(importer, file))};\n`).join('');
}

function specifier(importer: string, file: string): string {
  const path = posix.relative(posix.dirname(importer), file);
  return path.startsWith('.') ? path : `./${path}`;
}

/** Only a module of its own may do that, which is what esbuild says of any other format. */
function awaitsAtTopLevel(esbuild: typeof Esbuild, code: string): boolean {
  try {
    esbuild.transformSync(code, { format: 'iife', logLevel: 'silent' });
    return false;
  } catch {
    return true;
  }
}

const unixPath = (path: string) => path.replaceAll('\\', '/');
