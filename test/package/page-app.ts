import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../targets/package-root.js';
import { typescriptBlocks } from '../docs/markdown.js';

/** A page whose named samples are a whole app: handlers, and a stack class. */
export interface Page {
  readonly page: string;
  /** Construct id of the stack. */
  readonly id: string;
  /** File of the stack class, without its ending. */
  readonly file: string;
  readonly stack: string;
  /** What the test needs of it: an expression over `stack` for each output. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** Where the samples of a page are written to, in the app. */
export function folderOf(page: string): string {
  return page.replaceAll(/\W/g, '-');
}

/** Writes the samples of each page as a reader would copy them, and an app of all their stacks. */
export async function writePageApp(project: string, pages: readonly Page[]): Promise<void> {
  const app = ["import { App, CfnOutput } from 'aws-cdk-lib';", 'const app = new App();'];
  for (const { page, id, file, stack, outputs } of pages) {
    const folder = folderOf(page);
    await mkdir(join(project, folder), { recursive: true });
    for (const { name, code } of typescriptBlocks(page, await readFile(join(packageRoot, page), 'utf8')))
      if (name !== undefined) await writeFile(join(project, folder, name), code);
    const lines = Object.entries(outputs).map(
      ([name, expression]) => `  new CfnOutput(stack, '${name}', { value: ${expression} });`,
    );
    app.unshift(`import { ${stack} as ${id} } from './${folder}/${file}';`);
    app.push('{', `  const stack = new ${id}(app, '${id}');`, ...lines, '}');
  }
  await writeFile(join(project, 'app.ts'), app.join('\n'));
}
