import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const file = join(__dirname, '../fixtures/does-not-compile/keys.ts');

test('a key made from messageId or the deduplication id does not compile, nor does a sequence number that is a number, nor a position without the incarnation of its topic', () => {
  const { config } = ts.readConfigFile(join(__dirname, '../../tsconfig.json'), (path) =>
    ts.sys.readFile(path),
  ) as {
    config: { compilerOptions: unknown };
  };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, join(__dirname, '../..'));
  const program = ts.createProgram([file], options);
  const found = ts.getPreEmitDiagnostics(program).map(({ file: source, start = 0, code }) => {
    const line = source?.fileName.endsWith('does-not-compile/keys.ts')
      ? source.getLineAndCharacterOfPosition(start).line + 1
      : (source?.fileName ?? 'no file');
    return `${line}: ${code}`;
  });
  const expected = readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text, i) => {
      const code = /\/\/ fails: (\d+)$/.exec(text)?.[1];
      return code === undefined ? [] : [`${i + 1}: ${code}`];
    });
  expect(expected).toHaveLength(11);
  expect(found).toEqual(expected);
});
