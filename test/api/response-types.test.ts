import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const file = join(__dirname, '../fixtures/does-not-compile/streams.ts');

test('an answer that could not be saved with the effects does not compile: a stream, or what JSON makes {} of', () => {
  const { config } = ts.readConfigFile(join(__dirname, '../../tsconfig.json'), (path) =>
    ts.sys.readFile(path),
  ) as { config: { compilerOptions: unknown } };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, join(__dirname, '../..'));
  const program = ts.createProgram([file], options);
  const found = program
    .getSemanticDiagnostics(program.getSourceFile(file))
    .map(({ file: source, start = 0, code }) => {
      const line = source?.getLineAndCharacterOfPosition(start).line ?? -1;
      return `${line + 1}: ${code}`;
    });
  const expected = readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text, i) => {
      const code = /\/\/ fails: (\d+)$/.exec(text)?.[1];
      return code === undefined ? [] : [`${i + 1}: ${code}`];
    });
  expect(expected).toHaveLength(10);
  expect(found).toEqual(expected);
});
