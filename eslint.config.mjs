import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** A tree may not reach into the ones listed: DESIGN "rooms". The message says where the code belongs instead. */
const mayNotImport = (files, groups, message) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: [{ group: groups, message }] }] },
});

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
  mayNotImport(
    ['lib/**/*.ts'],
    ['**/runtime/**', '**/lambdas/**', '../targets/**', '../../targets/**', '**/drive/**'],
    'lib is synth time: it knows entry files by path only',
  ),
  mayNotImport(
    ['runtime/**/*.ts'],
    [
      '**/lib/**',
      'aws-cdk-lib',
      'aws-cdk-lib/*',
      'constructs',
      '**/lambdas/**',
      '../targets/**',
      '../../targets/**',
      '**/drive/**',
    ],
    'runtime is what handlers bundle: no construct, no tooling',
  ),
  mayNotImport(
    ['targets/**/*.ts', 'drive/**/*.ts', 'prove/**/*.ts', 'scripts/**/*.ts'],
    ['**/runtime/**', '**/lambdas/**', '**/lib/**'],
    'the runner, the driver and the auditor share no code with what they check (R42)',
  ),
  mayNotImport(
    ['cli/**/*.ts'],
    [
      '**/lib/**',
      '../targets/**',
      '../../targets/**',
      '**/drive/**',
      '**/lambdas/**',
      'aws-cdk-lib',
      'aws-cdk-lib/*',
      'constructs',
    ],
    'the command line works on what is deployed, through the rooms of runtime',
  ),
  mayNotImport(
    ['bin/**/*.ts'],
    ['**/runtime/**', '../targets/**', '../../targets/**', '**/drive/**'],
    'bin builds the stack and nothing else',
  ),
  mayNotImport(
    ['lambdas/**/*.ts'],
    ['**/lib/**', '../targets/**', '../../targets/**', '**/drive/**', 'aws-cdk-lib', 'aws-cdk-lib/*'],
    'an entry point wires runtime',
  ),
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
    ignores: ['runtime/dynamodb/conditions.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'Property[key.name=/^(Condition|Filter|KeyCondition)Expression$/]',
          message:
            'every condition lives in runtime/dynamodb/conditions.ts, where the mutation run finds it (R9)',
        },
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
