import { coveredFiles, hashOfCovered } from '../../prove/covered-code.js';

const tests = ['test/dedup/sequence.test.ts'];

test('a proof is about other code when it covers other code', () => {
  const [wide, narrow] = [{ tests: ['test/dedup'] }, { tests }].map((of) =>
    hashOfCovered({ ...of, covers: ['runtime/dedup'] }),
  );
  expect(wide).toMatch(/^[0-9a-f]{64}$/);
  expect(narrow).not.toBe(wide);
});

test('of the runtime it covers what its tests import, however far, and of everything else all', () => {
  const covered = coveredFiles({ covers: ['runtime/dedup', 'docs/prove.md'], tests });
  expect(covered).toEqual(expect.arrayContaining(['docs/prove.md', 'runtime/dedup/sequence.ts', ...tests]));
  expect(covered).not.toContain('runtime/dedup/execution-store.ts');
  expect(coveredFiles({ covers: ['runtime/dedup'], tests: ['test/sqs'] })).toContain('runtime/dedup/fold.ts');
});
