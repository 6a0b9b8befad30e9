import { join, relative } from 'node:path';
import { build, type BuildOptions, type Metafile, type Plugin } from 'esbuild';
import { handlerBundling } from '../lib/consumer/handler-bundling.js';

export const root = join(__dirname, '..');

/** What a handler's file says, so that each side is bundled from the same few lines. */
export interface Entry {
  readonly code: string;
}

const sdk = ['@aws-sdk/*', '@smithy/*'];
const entryPoint = 'handler';

/** As HandlerFunction bundles, and minified. Both sides. */
function optionsFor({ code }: Entry, outdir: string) {
  const plugin: Plugin = {
    name: 'entry from memory',
    setup(builder) {
      builder.onResolve({ filter: /^handler$/ }, ({ path }) => ({ path, namespace: 'memory' }));
      builder.onLoad({ filter: /.*/, namespace: 'memory' }, () => ({
        contents: code,
        resolveDir: root,
        loader: 'ts',
      }));
    },
  };
  return {
    ...handlerBundling,
    absWorkingDir: root,
    entryPoints: [entryPoint],
    outdir,
    plugins: [plugin],
    minify: true,
    legalComments: 'none',
    logLevel: 'error',
  } satisfies BuildOptions;
}

/** A bundle, the AWS SDK left out. */
export interface Bundled {
  /** Bytes of all files. */
  readonly whole: number;
  /** Bytes of those that are loaded at start. */
  readonly atStart: number;
  /** Files of ours in them, from the root, without those of which nothing is left. */
  readonly modules: readonly string[];
  readonly modulesAtStart: readonly string[];
}

export async function bundled(entry: Entry): Promise<Bundled> {
  const { metafile } = await build({
    ...optionsFor(entry, 'out'),
    banner: {},
    external: sdk,
    metafile: true,
    write: false,
  });
  const sum = (files: Iterable<string>) =>
    [...files].reduce((bytes, file) => bytes + (metafile.outputs[file]?.bytes ?? 0), 0);
  const modules = (files: Iterable<string>) =>
    [...files]
      .flatMap((file) => Object.entries(metafile.outputs[file]?.inputs ?? {}))
      .flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []))
      .toSorted();
  const files = Object.keys(metafile.outputs);
  const start = loadedAtStart(metafile.outputs);
  return {
    whole: sum(files),
    atStart: sum(start),
    modules: modules(files),
    modulesAtStart: modules(start),
  };
}

/** The entry's file and whatever it imports other than by `import()`. */
function loadedAtStart(outputs: Metafile['outputs']): Set<string> {
  const loaded = new Set<string>();
  const load = (file: string) => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const { path, kind } of outputs[file]?.imports ?? [])
      if (kind === 'import-statement' && outputs[path] !== undefined) load(path);
  };
  load(join('out', 'index.mjs'));
  return loaded;
}

/** Writes the bundle, with the AWS SDK inside or left to Node to find. Returns the file to import. */
export async function bundleInto(
  folder: string,
  entry: Entry,
  placed: 'inside' | 'outside' = 'inside',
): Promise<string> {
  await build({
    ...optionsFor(entry, relative(root, folder)),
    external: placed === 'outside' ? sdk : [],
  });
  return join(folder, 'index.mjs');
}
