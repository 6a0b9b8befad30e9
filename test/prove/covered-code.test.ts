import { hashOfCovered } from '../../prove/covered-code.js';
import { proofs } from '../../prove/proofs.js';

test('a proof is about other code when it covers other code', () => {
  const [first] = proofs;
  if (first === undefined) throw new Error('there are no proofs');
  const [wide, narrow] = [first, { ...first, covers: ['runtime/dedup/sequence.ts'] }].map(hashOfCovered);
  expect(wide).toMatch(/^[0-9a-f]{64}$/);
  expect(narrow).not.toBe(wide);
});
