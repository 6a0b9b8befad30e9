import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../targets/package-root.js';
import { typescriptBlocks } from '../docs/markdown.js';

/** A page whose named samples are a whole app: handlers, and a stack class. */
export interface Page {
  readonly page: string;
  /** Construct id of the stack. */
  readonly id: string;
  /** File of the stack class, without its ending. Without one the samples are there for other pages. */
  readonly file?: string;
  readonly stack?: string;
  /** What the test needs of it: an expression over `stack` for each output. */
  readonly outputs?: Readonly<Record<string, string>>;
  /** What an app would have for it: imports, statements before the stack and after it, its third argument. */
  readonly around?: {
    readonly imports?: readonly string[];
    readonly before?: readonly string[];
    readonly props?: string;
    readonly after?: readonly string[];
  };
  /** What the page tells of and does not print, such as a Dockerfile, by its path in the folder of the page. */
  readonly files?: Readonly<Record<string, string>>;
  /**
   * What stands in the samples for a network that one machine does not have (TLS, public addresses, MSK), by file:
   * the text that is printed, and what takes its place. Else they are as they are printed.
   */
  readonly onOneMachine?: Readonly<Record<string, readonly [printed: string, here: string]>>;
}

/** Where the samples of a page are written to, in the app. */
export function folderOf(page: string): string {
  return page.replaceAll(/\W/g, '-');
}

/** Writes the samples of each page as a reader would copy them, and an app of all their stacks. */
export async function writePageApp(project: string, pages: readonly Page[]): Promise<void> {
  const app = ["import { App, CfnOutput } from 'aws-cdk-lib';", 'const app = new App();'];
  for (const one of pages) {
    const { page, id, file, stack, outputs = {}, around = {}, files = {} } = one;
    const folder = folderOf(page);
    const blocks = typescriptBlocks(page, await readFile(join(packageRoot, page), 'utf8'));
    const named = blocks.flatMap(({ name, code }) => (name === undefined ? [] : [[name, code] as const]));
    for (const [name, text] of [...named, ...Object.entries(files)]) {
      await mkdir(dirname(join(project, folder, name)), { recursive: true });
      await writeFile(join(project, folder, name), onOneMachine(one, name, text));
    }
    if (file === undefined || stack === undefined) continue;
    const lines = Object.entries(outputs).map(
      ([name, expression]) => `new CfnOutput(stack, '${name}', { value: ${expression} });`,
    );
    const { imports = [], before = [], props, after = [] } = around;
    app.unshift(`import { ${stack} as ${id} } from './${folder}/${file}';`, ...imports);
    const given = props === undefined ? '' : `, ${props}`;
    app.push('{', ...before, `const stack = new ${id}(app, '${id}'${given});`, ...lines, ...after, '}');
  }
  await writeFile(join(project, 'app.ts'), app.join('\n'));
}

function onOneMachine({ page, onOneMachine: changes = {} }: Page, name: string, text: string): string {
  const [printed, here] = changes[name] ?? ['', ''];
  if (!text.includes(printed)) throw new Error(`${name} of ${page} does not hold '${printed}' any more`);
  return printed === '' ? text : text.replaceAll(printed, here);
}
