import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../targets/package-root.js';
import { hashOfCovered } from '../../prove/covered-code.js';
import { proofs } from '../../prove/proofs.js';

const page = readFileSync(join(packageRoot, 'docs', 'prove.md'), 'utf8');

test('the page lists the proofs that there are', () => {
  const listed = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
  expect(listed).toEqual(proofs.map(({ name }) => name));
});

test('the page explains every variable that makes a run the full one', () => {
  for (const { environment, parts = [] } of proofs)
    for (const variable of [environment, ...parts].flatMap((given) => Object.keys(given)))
      expect(page).toContain(`\`${variable}\``);
});

test.each(proofs)('proof $name has tests, and covers code that exists', ({ tests, covers }) => {
  for (const path of [...tests, ...covers])
    expect(execFileSync('git', ['ls-files', '--', path], { cwd: packageRoot }).length).toBeGreaterThan(0);
});

test('a proof is about other code when it covers other code', () => {
  const [first] = proofs;
  if (first === undefined) throw new Error('there are no proofs');
  const [wide, narrow] = [first, { ...first, covers: ['runtime/dedup/sequence.ts'] }].map(hashOfCovered);
  expect(wide).toMatch(/^[0-9a-f]{64}$/);
  expect(narrow).not.toBe(wide);
});
