import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { bundleHandler, loadedAtStart, type HandlerBundle } from '../lib/consumer/bundle-handler.js';

export const root = join(__dirname, '..');

/** What a handler's file says, so that each side is bundled from the same few lines. */
export interface Entry {
  readonly code: string;
}

const sdk = ['@aws-sdk/*', '@smithy/*'];

/** As HandlerFunction bundles, and minified. Both sides. */
function bundleOf({ code }: Entry, outdir: string, external: string[]): HandlerBundle {
  return bundleHandler(esbuild, {
    absWorkingDir: root,
    stdin: { contents: code, resolveDir: root, loader: 'ts' },
    outdir,
    external,
    minify: true,
    legalComments: 'none',
    logLevel: 'error',
  });
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
  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-bench-'));
  try {
    const { sources, written } = bundleOf(entry, folder, sdk);
    const sum = (files: Iterable<string>) =>
      [...files].reduce((bytes, file) => bytes + (written[file]?.bytes ?? 0), 0);
    const modules = (files: Iterable<string>) =>
      [...files]
        .flatMap((file) => Object.entries(sources.outputs[file]?.inputs ?? {}))
        .flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : []))
        .toSorted();
    return {
      whole: sum(Object.keys(written)),
      atStart: sum(loadedAtStart(written)),
      modules: modules(Object.keys(sources.outputs)),
      modulesAtStart: modules(loadedAtStart(sources.outputs)),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes the bundle, with the AWS SDK inside or left to Node to find. Returns the file to import. */
export function bundleInto(folder: string, entry: Entry, placed: 'inside' | 'outside' = 'inside'): string {
  bundleOf(entry, folder, placed === 'outside' ? sdk : []);
  return join(folder, 'index.mjs');
}
