import { parseArgs } from 'node:util';
import { UsageError } from '../drive-error.js';

export interface CdcOptions {
  readonly rows: number;
  readonly sinkKills: number;
  readonly connectKills: number;
  /** Of brokers, one at a time: with them there are three. */
  readonly brokerKills: number;
  /** Whether Connect writes with exactly-once source support. */
  readonly exactlyOnce: boolean;
  /** Half-way Kafka loses everything, and begins anew as another cluster. */
  readonly recreate: boolean;
}

const help = `npm run start:cdc -- [--rows 5000] [--sink-kills 6] [--connect-kills 2] [--broker-kills 0]
                        [--at-least-once] [--recreate-cluster]

Postgres -> Debezium in Kafka Connect -> Kafka -> a read model, an S3 lake and a table of Iceberg, all real and on
this machine but S3, which is the emulator. Sinks and Connect are killed while rows are written; then the auditor
compares each sink with its source. With --broker-kills there are three brokers, of which one is killed at a time. With
--at-least-once Connect runs without exactly-once source support, and tells changes twice when it is killed. With
--recreate-cluster Kafka loses everything half-way, and begins anew as another cluster. Ends with 0 when all are the same, 1 when not, 2 when it could not run.
`;

/** Undefined: help was asked for, and given. @throws UsageError */
export function parseOptions(args: readonly string[], print: (text: string) => void): CdcOptions | undefined {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        rows: { type: 'string', default: '5000' },
        'sink-kills': { type: 'string', default: '6' },
        'connect-kills': { type: 'string', default: '2' },
        'broker-kills': { type: 'string', default: '0' },
        'at-least-once': { type: 'boolean', default: false },
        'recreate-cluster': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      print(help);
      return undefined;
    }
    return {
      rows: wholeNumber('--rows', values.rows),
      sinkKills: wholeNumber('--sink-kills', values['sink-kills']),
      connectKills: wholeNumber('--connect-kills', values['connect-kills']),
      brokerKills: wholeNumber('--broker-kills', values['broker-kills']),
      exactlyOnce: !values['at-least-once'],
      recreate: values['recreate-cluster'],
    };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`${(error as Error).message}\n${help}`);
  }
}

function wholeNumber(flag: string, text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new UsageError(`${flag} is '${text}', must be a whole number`);
  return Number(text);
}
