import type { BuildOptions } from 'esbuild';

/**
 * How handlers are bundled: ES modules for Node.js 24 with the AWS SDK inside, in chunks. What a handler imports with
 * `import()` is a chunk of its own, loaded when it is needed: of the SDK that is most of its ways to credentials, of
 * this library what it does about messages that failed. One file would hold all of that, and start about 40 ms later.
 *
 * Not minified: stack traces stay readable.
 *
 * @see https://esbuild.github.io/api/#splitting
 */
export const handlerBundling = {
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // The SDK's `main` is CommonJS, which esbuild cannot shake.
  mainFields: ['module', 'main'],
  entryNames: 'index',
  chunkNames: 'chunks/[name]-[hash]',
  outExtension: { '.js': '.mjs' },
  // A CommonJS dependency calls `require`, which an ES module does not have.
  banner: {
    js: "import{createRequire as exactlyOnceRequire}from'node:module';const require=exactlyOnceRequire(import.meta.url);",
  },
  logLevel: 'warning',
} as const satisfies BuildOptions;
