/**
 * Every error of the library. In two files, so that the texts of those that only trouble brings are loaded with it:
 * `error.ts` holds what an ordinary message may need, which is what throws at start or synchronously in a handler.
 */
export * from './error.js';
export * from './trouble-errors.js';
export * from './effect-repeated.js';
export { PackageMissing } from './package-missing.js';
