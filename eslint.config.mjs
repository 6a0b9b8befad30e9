import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

import { walls } from './scripts/lint/rooms.mjs';
import wallsPlugin from './scripts/lint/walls.mjs';

/**
 * NOT YET. What these folders import although a wall says no, to be moved: take an entry away, and lint names the files.
 * A test (test/lint) fails for an entry that nothing needs any more.
 */
export const notYet = {};

/** Comments are lines to be read: at most this many columns. */
const commentColumns = 118;

/** One way of saying private per tree. Constructs say it as aws-cdk does; elsewhere it is what the language enforces. */
const onlyTold = {
  selector:
    'CallExpression:matches([callee.name=/^observe/], [callee.property.name=/^observe/], [callee.expression.property.name=/^observe/])',
  message: 'an observer that throws changes nothing: tell(observe, …) of runtime/telemetry',
};
const onlyHash = {
  selector:
    ":matches(PropertyDefinition, MethodDefinition[kind!='constructor'], TSParameterProperty)[accessibility='private']",
  message: 'write #name: it is private at run time, too',
};
const onlyPrivate = { selector: 'PrivateIdentifier', message: 'constructs say private, as aws-cdk does' };

export default tseslint.config(
  {
    ignores: [
      'dist/',
      'cdk.out/',
      'node_modules/',
      '.local/',
      'coverage/',
      'test/fixtures/does-not-compile/',
    ],
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    plugins: { 'import-x': importX },
    settings: {
      'import-x/extensions': ['.ts', '.js', '.mjs', '.cjs'],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
      // Without these, './x.js' is not found as x.ts and no-cycle sees nothing.
      'import-x/resolver-next': [
        importX.createNodeResolver({
          extensions: ['.ts', '.js', '.json', '.node'],
          extensionAlias: { '.js': ['.ts', '.js'] },
          conditionNames: ['types', 'import', 'require', 'node', 'default'],
        }),
      ],
    },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'import-x/no-extraneous-dependencies': [
        'error',
        { devDependencies: ['{test,bench,targets,drive,prove,scripts,bin,lambdas}/**'] },
      ],
      'import-x/no-cycle': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['**/*.ts'],
    plugins: { walls: wallsPlugin },
    rules: { 'walls/imports': ['error', { walls, notYet }] },
  },
  {
    files: ['{bench,bin,cli,drive,lambdas,lib,prove,runtime,scripts,targets,test}/**/*.ts'],
    rules: { 'max-len': ['error', { code: 1_000, comments: commentColumns, ignoreUrls: true }] },
  },
  {
    files: ['lib/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', onlyPrivate] },
  },
  {
    files: ['{bench,cli,drive,targets}/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', onlyHash] },
  },
  {
    files: ['runtime/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'process', message: 'the entry point reads the environment and passes it in' },
      ],
    },
  },
  {
    files: ['runtime/**/*.ts'],
    ignores: [
      'runtime/dynamodb/conditions.ts',
      'runtime/dynamodb/*-conditions.ts',
      // Of the sink alone, whose contract kills them.
      'runtime/cdc/sink-conditions.ts',
    ],
    rules: {
      'no-restricted-syntax': [
        'error',
        onlyHash,
        {
          selector: 'Property[key.name=/^(Condition|Filter|KeyCondition)Expression$/]',
          message:
            'every condition lives in runtime/dynamodb/conditions.ts, where the mutation run finds it (R9)',
        },
        onlyTold,
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Jest's asymmetric matchers are typed any.
      '@typescript-eslint/no-unsafe-assignment': 'off',
    },
  },
);
