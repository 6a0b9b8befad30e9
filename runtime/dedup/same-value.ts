/**
 * Whether two values are the same to the last leaf, by `util.isDeepStrictEqual`. Not by an import: that reads all
 * that node:util has, and so loads a dozen modules at the start of each instance.
 */
// eslint-disable-next-line no-restricted-globals -- the way to a module of Node's, not the environment
export const { isDeepStrictEqual: isSameValue } = process.getBuiltinModule('node:util');
