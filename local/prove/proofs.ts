/** A proof with its full budget. Its small one, with a fixed seed, is part of `npm test`. */
export interface Proof {
  /** Name of its result, `proofs/<name>.json`. */
  readonly name: string;
  /** What it shows, in one sentence. */
  readonly shows: string;
  /** Test files, as Jest matches them. */
  readonly tests: readonly string[];
  /** What makes the run the full one. */
  readonly environment: Readonly<Record<string, string>>;
  /** Folders and files whose change makes the result stale, beside the tests themselves. */
  readonly covers: readonly string[];
}

const engine = ['runtime/dedup', 'runtime/consumer'];

export const proofs: readonly Proof[] = [
  {
    name: 'model',
    shows:
      'In 1,000,000 random interleavings of duplicates, reorderings, crashes, slow instances and lost answers nothing is lost, doubled or out of order.',
    tests: ['test/model/model.test.ts'],
    environment: { PROOF_RUNS: '333400' },
    covers: [...engine, 'test/model'],
  },
  {
    name: 'mutation',
    shows:
      'Without any one of the conditions and decisions the model finds a message lost, doubled or out of order.',
    tests: ['test/model/mutation.test.ts'],
    environment: {},
    covers: [...engine, 'test/model'],
  },
  {
    name: 'conformance',
    shows: 'The DynamoDB of the model answers random requests as the emulator does.',
    tests: ['test/model/conformance.test.ts'],
    environment: { CONFORMANCE_RUNS: '1000' },
    covers: ['runtime/dedup/conditions.ts', 'test/model'],
  },
  {
    name: 'crash',
    shows: 'A process killed 50 times at every crash point of every way loses nothing and doubles nothing.',
    tests: ['test/crash'],
    environment: { CRASH_HITS: '50' },
    covers: [...engine, 'test/crash'],
  },
];
