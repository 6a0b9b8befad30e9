import { join } from 'node:path';
import ts from 'typescript';
import { packageRoot } from '../../targets/package-root.js';
import type { StagedPackage } from './staged-package.js';

/**
 * What the compiler finds in the package's own declarations when a strict project imports every entry point.
 *
 * @param absent packages that the project has not installed
 */
export function declarationProblems(
  staged: StagedPackage,
  entries: readonly string[],
  absent: readonly string[] = [],
): string[] {
  const text = entries
    .map((entry, index) => `import * as entry${index} from '${entry}'; void entry${index};\n`)
    .join('');
  const importers = ['importer.mts', 'importer.cts'].map((name) => join(staged.project, name));
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    // Of Node, which whoever writes handlers for it has, and the declarations of the AWS SDK need as well.
    types: ['node'],
    typeRoots: [join(packageRoot, 'node_modules', '@types')],
  };
  const disk = ts.createCompilerHost(options);
  const host = ts.createCompilerHost(options);
  const isAbsent = (name: string) =>
    absent.some((one) => `${name}/`.includes(`/node_modules/${one}/`) || name.includes(`/@types/${one}/`));
  host.fileExists = (name) => importers.includes(name) || (!isAbsent(name) && disk.fileExists(name));
  host.directoryExists = (name) => !isAbsent(name) && disk.directoryExists?.(name) !== false;
  host.getSourceFile = (name, target, ...rest) =>
    importers.includes(name)
      ? ts.createSourceFile(name, text, target)
      : disk.getSourceFile(name, target, ...rest);

  const program = ts.createProgram(importers, options, host);
  // Not the dependencies' declarations: their errors are not this package's.
  const own = program
    .getSourceFiles()
    .filter(
      ({ fileName }) =>
        importers.includes(fileName) || fileName.includes(`/node_modules/${staged.manifest.name}/`),
    );
  return own
    .flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
    .map((problem) => ts.formatDiagnostic(problem, { ...host, getNewLine: () => '\n' }));
}
