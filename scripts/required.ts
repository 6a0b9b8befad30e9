import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** They have no CommonJS build. */
const esModules = new Set(['hyparquet-writer']);

/**
 * Replaces each `import('…')` of compiled CommonJS by a `require` that settles a promise. Node.js takes both; Jest
 * runs modules in a context where `import()` fails unless Node.js is started with `--experimental-vm-modules`, and
 * everything that is loaded when it is needed would be missing in the tests of whoever uses Jest. In a `try`, by
 * which bundlers know that the package may be left out.
 *
 * @param folder of the compiled files
 * @see https://jestjs.io/docs/ecmascript-modules
 */
export async function requireWhatIsImported(folder: string): Promise<void> {
  for (const path of await readdir(folder, { recursive: true })) {
    if (!path.endsWith('.js')) continue;
    const file = join(folder, path);
    const text = await readFile(file, 'utf8');
    const required = text.replaceAll(/\bimport\('([^']+)'\)/g, (whole, name: string) =>
      esModules.has(name)
        ? whole
        : `(async () => { try { return require('${name}'); } catch (error) { throw error; } })()`,
    );
    if (required !== text) await writeFile(file, required);
  }
}
