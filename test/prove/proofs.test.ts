import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../targets/package-root.js';
import { hashOfCovered } from '../../prove/covered-code.js';
import { proofs, type Proof } from '../../prove/proofs.js';
import { partsLeft, readResult, type ProofResult } from '../../prove/result.js';
import { runProof } from '../../prove/run-proof.js';

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

const inParts = proofs.filter(({ parts = [] }) => parts.some(({ PROOF_FILES }) => PROOF_FILES !== undefined));

test.each(inParts)(
  'every test file of proof $name is in a part, and every part has one',
  ({ tests, parts = [] }) => {
    const listed = execFileSync('git', ['ls-files', '--', ...tests], { cwd: packageRoot, encoding: 'utf8' });
    const files = listed.split('\n').filter((file) => file.endsWith('.test.ts'));
    const chosen = parts.map(({ PROOF_FILES = '' }) =>
      files.filter((file) => new RegExp(PROOF_FILES).test(file)),
    );
    expect(chosen.filter((part) => part.length === 0)).toEqual([]);
    expect(files.filter((file) => !chosen.flat().includes(file))).toEqual([]);
  },
);

test('parts are left that were not run, or that the proof was given since', () => {
  const [one, two, added] = [{ PART: '1' }, { PART: '2' }, { PART: '3' }];
  expect(partsLeft({ parts: [one, two, added] }, { parts: [{ ...one }] })).toEqual([two, added]);
  expect(partsLeft({ parts: [one] }, { parts: [one] })).toEqual([]);
  expect(partsLeft({}, {})).toEqual([]);
});

const model = proofs.find(({ name }) => name === 'model');
const ofModel = readResult({ name: 'model' });
const isWhole = model !== undefined && ofModel !== undefined && partsLeft(model, ofModel).length === 0;

// A result of some parts, of a run that was ended, says so itself.
(isWhole ? test : test.skip)('the model has run as many interleavings as its sentence says', () => {
  const said = / ([\d,]+) random interleavings/.exec(model?.shows ?? '')?.[1]?.replaceAll(',', '');
  const figures = ofModel?.figures as readonly { readonly interleavings: number }[];
  const run = figures.reduce((sum, { interleavings }) => sum + interleavings, 0);
  expect(run).toBeGreaterThanOrEqual(Number(said));
});

test('a proof that was ended goes on with the parts that are left', async () => {
  const [one, two] = [
    { PART: '1' },
    {
      PROOF_FILES: 'test/(prove/covered-code|package/jsii)',
      PROOF_TESTS: '^(of the runtime|the package of the constructs)',
    },
  ];
  const proof: Proof = {
    ...{ name: 'two-parts', shows: 'that parts add up', parts: [one, two] },
    environment: { JSII: '0' },
    tests: ['test/prove', 'test/package/jsii.test.ts'],
    covers: ['prove/covered-code.ts'],
  };
  const earlier: ProofResult = {
    ...{ name: proof.name, shows: proof.shows, environment: {}, parts: [one], left: [two] },
    ...{ date: '2026-01-01T00:00:00.000Z', commit: 'abc', covered: hashOfCovered(proof), machine: 'any' },
    ...{ seconds: 1_000, passed: 7, failed: 0, figures: [{ of: 'part one' }] },
  };
  const saved: ProofResult[] = [];
  const result = await runProof(proof, earlier, (soFar) => {
    saved.push(soFar);
    return Promise.resolve();
  });
  // Seven of part one, and the one that the other names of that file's two; what was not asked for did not run.
  expect(result).toMatchObject({ parts: [one, two], passed: 8, failed: 0, figures: [{ of: 'part one' }] });
  expect(result.skipped).toEqual([
    expect.stringMatching(/^the package of the constructs .*only with JSII=1/),
  ]);
  expect(result.left).toBeUndefined();
  expect(result.seconds).toBeGreaterThanOrEqual(1_000);
  expect(saved).toEqual([result]);
}, 300_000);

test('a part that fails is left to be run again, and the result keeps that it failed', async () => {
  const nothing = { PROOF_FILES: 'test/prove/covered-code', PROOF_TESTS: '^there is no such test$' };
  const proof: Proof = {
    ...{ name: 'fails', shows: 'that it fails', environment: {}, parts: [nothing] },
    tests: ['test/prove'],
    covers: ['prove/covered-code.ts'],
  };
  const first = await runProof(proof, undefined, () => Promise.resolve());
  expect(first).toMatchObject({ parts: [], left: [nothing], failed: 1 });
  expect(first.failedBefore).toBeUndefined();
  const second = await runProof(proof, first, () => Promise.resolve());
  expect(second).toMatchObject({ parts: [], left: [nothing], failed: 1, failedBefore: 1 });
}, 300_000);
