const { globalSetup, globalTeardown, ...shared } = require('../../jest.config.cjs');

/** The stack suite alone, on any target: without the emulator that the other tests share. */
module.exports = {
  ...shared,
  rootDir: '../..',
  roots: ['<rootDir>/test/stack'],
  testMatch: ['**/reference-stack.test.ts'],
};
