import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Lets the declarations of a compiled tree be checked (`skipLibCheck: false`) where an optional peer is not
 * installed: what is imported from it is `any` there, and its own type where it is. A structural copy of a client's
 * type would accept every other client, too.
 *
 * @param folder rewritten in place: of each import from one of the packages, the line is marked
 * @param packages names of the optional peers
 */
export async function allowMissingTypes(folder: string, packages: readonly string[]): Promise<void> {
  const files = await readdir(folder, { recursive: true });
  await Promise.all(
    files
      .filter((file) => file.endsWith('.d.ts'))
      .map(async (file) => {
        const path = join(folder, file);
        const text = await readFile(path, 'utf8');
        const marked = withMarks(text, packages);
        if (marked !== text) await writeFile(path, marked);
      }),
  );
}

/** An import or re-export that begins a line, also over several. */
const statement = /^(?:import|export)\s[^;]*?from\s+['"]([^'"]+)['"];/gm;

function withMarks(text: string, packages: readonly string[]): string {
  return text.replace(statement, (whole, from: string) => {
    if (!packages.some((name) => from === name || from.startsWith(`${name}/`))) return whole;
    // The mark covers one line, and the compiler complains on the one with the package's name.
    return `// @ts-ignore ${from} is optional: any where it is not installed.\n${whole.replaceAll(/\s+/g, ' ')}`;
  });
}
