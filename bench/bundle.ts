import { join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';

export const root = join(__dirname, '..');

/** A handler bundle as its user would make it: an ES module for Node, minified, without property mangling. */
const options = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  mainFields: ['module', 'main'],
  legalComments: 'none',
  logLevel: 'error',
} as const satisfies BuildOptions;

/** `require` for CommonJS code inside an ES module. */
const requireBanner = {
  js: "import{createRequire as xoRequire}from'node:module';const require=xoRequire(import.meta.url);",
};

/** What a handler's file says, so that each side is bundled from the same few lines. */
export interface Entry {
  readonly code: string;
}

const sdk = ['@aws-sdk/*', '@smithy/*'];

/** Bytes of the bundle, the AWS SDK left out. */
export async function bytesOf({ code }: Entry): Promise<number> {
  const { outputFiles } = await build({
    ...options,
    stdin: { contents: code, resolveDir: root, loader: 'ts' },
    external: sdk,
    write: false,
  });
  return outputFiles.reduce((sum, { contents }) => sum + contents.byteLength, 0);
}

/** Writes the bundle, with the AWS SDK inside or left to Node to find. */
export async function bundleInto(
  file: string,
  { code }: Entry,
  placed: 'inside' | 'outside' = 'inside',
): Promise<void> {
  await build({
    ...options,
    stdin: { contents: code, resolveDir: root, loader: 'ts' },
    banner: requireBanner,
    external: placed === 'outside' ? sdk : [],
    outfile: file,
  });
}
