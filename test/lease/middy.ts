import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Middy from '@middy/core' with { 'resolution-mode': 'import' };
import { build } from 'esbuild';

/** Middy is an ES module only, which the tests' CommonJS cannot import: as one bundled file it can be required. */
export async function loadMiddy(): Promise<typeof Middy> {
  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-middy-'));
  const outfile = join(folder, 'middy.cjs');
  try {
    await build({
      stdin: { contents: "export { default as middy } from '@middy/core'", resolveDir: __dirname },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      outfile,
    });
    return (createRequire(__filename)(outfile) as { middy: typeof Middy }).middy;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
