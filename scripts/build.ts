/** `npm run build`: makes `dist/` anew. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../targets/package-root.js';
import { compilePackage } from './compile.js';
import { messageOf } from '../targets/message-of.js';

async function main(): Promise<void> {
  const dist = join(packageRoot, 'dist');
  await rm(dist, { recursive: true, force: true });
  await compilePackage(dist);
}

main().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = 1;
});
