import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { packageRoot } from '../../targets/package-root.js';

const trees = ['bench', 'bin', 'cli', 'drive', 'lambdas', 'lib', 'prove', 'runtime', 'scripts', 'targets'];

/** What each source file imports, types included: files of the repository by their path, packages by their name. */
export function sourceImports(): ReadonlyMap<string, readonly string[]> {
  const files = trees.flatMap((tree) =>
    readdirSync(join(packageRoot, tree), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => posix.join(tree, path)),
  );
  return new Map(files.map((file) => [file, importsOf(file)]));
}

function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(packageRoot, file), 'utf8'));
  return importedFiles.map(({ fileName }) =>
    fileName.startsWith('.') ? posix.join(posix.dirname(file), fileName).replace(/\.js$/, '.ts') : fileName,
  );
}

/**
 * Groups of files that import each other in a circle, each sorted: strongly connected components of more than one.
 */
export function circles(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const reached = new Map([...imports.keys()].map((file) => [file, reachedFrom(file, imports)]));
  const mutual = (file: string) =>
    [...(reached.get(file) ?? [])].filter((other) => reached.get(other)?.has(file)).sort();
  const found = new Map(
    [...imports.keys()]
      .filter((file) => reached.get(file)?.has(file))
      .map((file) => [mutual(file).join(), mutual(file)]),
  );
  return [...found.values()];
}

function reachedFrom(file: string, imports: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [file];
  for (let at = open.pop(); at !== undefined; at = open.pop())
    for (const next of imports.get(at) ?? [])
      if (!reached.has(next) && imports.has(next)) {
        reached.add(next);
        open.push(next);
      }
  return reached;
}
