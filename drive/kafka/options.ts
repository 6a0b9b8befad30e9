import { Command, InvalidArgumentError } from 'commander';
import { purchaseCount } from '../input/purchases.js';

export interface KafkaRunOptions {
  /** How many lines of the purchase history. */
  readonly purchases: number;
  /** SIGKILLs of each kind: of processors, and of the function. */
  readonly kills: number;
  readonly seed: number;
}

/** Of `npm run start:kafka`. Ends the process with a message when a flag is wrong. */
export function kafkaRunOptions(argv: readonly string[]): KafkaRunOptions {
  return new Command('start:kafka')
    .description(
      'Drives purchases through topics of a real Kafka broker, with kills, and audits what came of them.',
    )
    .option('--purchases <count>', `1 to ${purchaseCount}`, countTo(purchaseCount), 2_000)
    .option('--kills <count>', 'of processors, and as many of the function', countTo(1_000), 6)
    .option('--seed <number>', 'of the moments at which they die', countTo(2 ** 31), 1)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse(argv, { from: 'user' })
    .opts<KafkaRunOptions>();
}

function countTo(most: number): (text: string) => number {
  return (text) => {
    const count = Number(text);
    if (/^\d+$/.test(text) && count >= 1 && count <= most) return count;
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}.`);
  };
}
