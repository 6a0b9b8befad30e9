/** Tests run against the embedded target that `test/fixtures/global-setup.ts` starts once for the whole run. */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } } }],
    // They have no CommonJS build, which is what Jest loads.
    'node_modules/(kysely|hyparquet|hyparquet-writer)/.+\\.js$': ['@swc/jest', { jsc: { target: 'es2024' } }],
  },
  transformIgnorePatterns: ['/node_modules/(?!(kysely|hyparquet|hyparquet-writer)/)'],
  resolver: '<rootDir>/test/fixtures/resolver.cjs',
  setupFilesAfterEnv: ['aws-cdk-lib/testhelpers/jest-autoclean'],
  globalSetup: '<rootDir>/test/fixtures/global-setup.ts',
  globalTeardown: '<rootDir>/test/fixtures/global-teardown.ts',
  // Most of the tests wait, for a queue or for a container, more than they compute.
  maxWorkers: 3,
  testTimeout: 60_000,
};
