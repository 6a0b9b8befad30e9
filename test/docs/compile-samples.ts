import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { packageRoot } from '../../targets/package-root.js';
import type { CodeBlock } from './markdown.js';

/** Every entry point of package.json, mapped to the source that its declarations are made from. */
export function entryPointSources(): Record<string, string[]> {
  const { name, exports } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    name: string;
    exports: Record<string, string | { types?: string; require?: { types: string } }>;
  };
  const sources: Record<string, string[]> = {};
  for (const [entry, target] of Object.entries(exports)) {
    const types = typeof target === 'string' ? undefined : (target.types ?? target.require?.types);
    if (types === undefined) continue;
    const source = types.replace('./dist/cjs/', `${packageRoot}/`).replace(/\.d\.ts$/, '.ts');
    sources[entry.replace('.', name)] = [source];
  }
  return sources;
}

/**
 * Compiles every block as a module of its own, as a reader would paste it: strict, importing the package by its name.
 * One program for all of them, because most of the time goes into reading the declarations of aws-cdk-lib.
 *
 * @returns `file:line: message` of every error, with the line in the Markdown file.
 */
export function compileSamples(blocks: readonly CodeBlock[]): string[] {
  const virtual = new Map(
    blocks.map((block) => [join(packageRoot, `${block.file}.${block.line}.ts`), block]),
  );
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    moduleDetection: ts.ModuleDetectionKind.Force,
    types: ['node'],
    paths: entryPointSources(),
  };
  const disk = ts.createCompilerHost(options);
  const host = ts.createCompilerHost(options);
  host.fileExists = (name) => virtual.has(name) || disk.fileExists(name);
  host.readFile = (name) => virtual.get(name)?.code ?? disk.readFile(name);
  host.getSourceFile = (name, target, ...rest) => {
    const block = virtual.get(name);
    return block === undefined
      ? disk.getSourceFile(name, target, ...rest)
      : ts.createSourceFile(name, block.code, target);
  };
  host.getCurrentDirectory = () => packageRoot;

  const program = ts.createProgram([...virtual.keys()], options, host);
  return [...virtual].flatMap(([name, block]) => {
    const file = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      (problem) => {
        const line = block.line + (file?.getLineAndCharacterOfPosition(problem.start ?? 0).line ?? 0);
        return `${block.file}:${line}: ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`;
      },
    );
  });
}
