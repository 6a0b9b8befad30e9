import { cannotHold } from '../../targets/index.js';
import { cannotHoldTable } from '../../targets/cannot-hold.js';
import { stackKind } from './stack-target.js';

const named = new Set<string>();

/**
 * A test of the stack suite. Where the target cannot hold it, it is reported as skipped, with the table's reason in
 * its name.
 */
export function heldTest(name: string, run: () => Promise<void>): void {
  named.add(name);
  const reason = cannotHold(stackKind(), name);
  if (reason === undefined) test(name, run);
  else test.skip(`${name} [${stackKind()} cannot hold this: ${reason}]`, run);
}

/** To be called last: an entry for a test that was renamed would hold back nothing, and say what is not so. */
export function everyEntryNamesATest(): void {
  test('every entry of the table of what a target cannot hold names a test', () => {
    expect(cannotHoldTable.map((entry) => entry.test).filter((name) => !named.has(name))).toEqual([]);
  });
}
