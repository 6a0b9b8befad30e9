import { execFileSync } from 'node:child_process';
import { packageRoot } from '../../targets/package-root.js';
import { sourceImports } from './source-imports.js';

/** What the ES module prints as JSON. In a process of its own: Jest loads CommonJS. */
const printed = (code: string) =>
  JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: packageRoot,
      encoding: 'utf8',
    }),
  ) as unknown;

/** What the rule says of one line of code in a file. */
const walls = (lines: readonly (readonly [file: string, code: string])[]) =>
  printed(`
    import { Linter } from 'eslint';
    import tseslint from 'typescript-eslint';
    import plugin from './scripts/lint/walls.mjs';
    import { walls } from './scripts/lint/rooms.mjs';
    const linter = new Linter({ cwd: process.cwd() });
    const config = [{
      files: ['**/*.ts'],
      plugins: { walls: plugin },
      languageOptions: { parser: tseslint.parser },
      rules: { 'walls/imports': ['error', { walls }] },
    }];
    console.log(JSON.stringify(${JSON.stringify(lines)}.map(
      ([file, code]) => linter.verify(code, config, { filename: file }).map(({ message }) => message),
    )));
  `) as string[][];

test('imports through a wall are found: of values, types and functions, static and dynamic', () => {
  const through = [
    ['runtime/dedup/a.ts', "import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';"],
    ['runtime/dedup/a.ts', "type A = import('../dynamodb/table.js').Table;"],
    ['runtime/dedup/a.ts', "export type { Context } from 'aws-lambda';"],
    ['runtime/api/a.ts', "const a = import('@aws-sdk/client-dynamodb');"],
    ['runtime/lease/a.ts', "import type { SQSRecord } from 'aws-lambda';"],
    ['runtime/outbox/a.ts', "import { SQSClient } from '@aws-sdk/client-sqs';"],
    ['runtime/consumer/a.ts', "export * from '../sqs/client.js';"],
    ['runtime/dynamodb/a.ts', "import type { Way } from '../consumer/way.js';"],
    ['lib/consumer/a.ts', "import type { Way } from '../../runtime/dedup/way.js';"],
    ['drive/audit/a.ts', "import { x } from '../../runtime/dedup/identity.js';"],
  ] as const;
  const unseen = walls(through).flatMap((messages, index) => (messages.length > 0 ? [] : through[index]));
  expect(unseen).toEqual([]);
});

test('what a room may import is let through', () => {
  const fine = [
    ['runtime/dedup/a.ts', "import { sequence } from './sequence.js';"],
    ['runtime/api/a.ts', "import type { Context } from 'aws-lambda';"],
    ['runtime/outbox/targets/a.ts', "import { SQSClient } from '@aws-sdk/client-sqs';"],
    ['runtime/sqs/a.ts', "import type { SQSRecord } from 'aws-lambda';"],
    ['runtime/consumer/a.ts', "import type { Way } from '../dedup/way.js';"],
  ] as const;
  expect(walls(fine)).toEqual(fine.map(() => []));
});

test('nothing is excused that nothing needs any more', () => {
  const notYet = printed(
    "import { notYet } from './eslint.config.mjs'; console.log(JSON.stringify(notYet));",
  ) as Record<string, string[]>;
  const imports = [...sourceImports()];
  const idle = Object.entries(notYet).flatMap(([area, targets]) =>
    targets.filter(
      (target) =>
        !imports.some(
          ([file, names]) => file.startsWith(area) && names.some((name) => name.startsWith(target)),
        ),
    ),
  );
  expect(idle).toEqual([]);
});
