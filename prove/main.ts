import { heedClosedPipes } from '../targets/closed-pipe.js';
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { proofs } from './proofs.js';
import { resultFile, staleProofs, unfinished } from './result.js';
import { runProof } from './run-proof.js';

const program = new Command('prove')
  .description('Runs proofs with their full budget and writes prove/results/<name>.json. Hours, not minutes.')
  .argument('[names...]', `which ones: ${proofs.map(({ name }) => name).join(', ')}`, [])
  .option('--stale', 'run only those that are older than the code they cover', false)
  .option('--list', 'list those that are older than the code they cover, and run nothing', false)
  .action(async (names: string[], options: { stale: boolean; list: boolean }) => {
    // Hashes all that every proof covers: only for who asks.
    const stale = options.list || options.stale ? staleProofs() : [];
    if (options.list) {
      for (const { name, reason } of stale)
        console.log(`proof '${name}' ${reason}; npm run prove -- ${name}`);
      console.log(`${proofs.length - stale.length} of ${proofs.length} proofs are about the code as it is`);
      return;
    }
    const unknown = names.find((name) => !proofs.some((proof) => proof.name === name));
    if (unknown !== undefined)
      program.error(
        `there is no proof '${unknown}'; there are ${proofs.map(({ name }) => name).join(', ')}`,
        {
          exitCode: 2,
        },
      );
    for (const proof of proofs) {
      if (names.length > 0 && !names.includes(proof.name)) continue;
      if (options.stale && !stale.some(({ name }) => name === proof.name)) continue;
      console.log(`${proof.name}: ${proof.shows}`);
      const before = unfinished(proof);
      if (before?.left !== undefined) console.log(`${proof.name}: ${before.left.length} parts are left`);
      const result = await runProof(proof, before, (soFar) =>
        writeFile(resultFile(proof), `${JSON.stringify(soFar, null, 2)}\n`),
      );
      for (const name of result.skipped ?? []) console.log(`${proof.name}: skipped '${name}'`);
      console.log(`${proof.name}: ${result.passed} passed, ${result.failed} failed, ${result.seconds} s`);
      if (result.failed > 0) process.exitCode = 1;
    }
  });

heedClosedPipes();
void program.parseAsync();
