/** What an error is to another copy of this package: an ES module beside CommonJS has classes of its own. */
export const errorKind: unique symbol = Symbol.for('exactly-once-aws.error') as never;
