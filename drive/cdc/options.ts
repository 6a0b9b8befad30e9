import { parseArgs } from 'node:util';
import { UsageError } from '../drive-error.js';

export interface CdcOptions {
  readonly rows: number;
  readonly sinkKills: number;
  readonly connectKills: number;
}

const help = `npm run start:cdc -- [--rows 5000] [--sink-kills 6] [--connect-kills 2]

Postgres -> Debezium in Kafka Connect -> Kafka -> a read model, an S3 lake and a table of Iceberg, all real and on
this machine but S3, which is the emulator. Sinks and Connect are killed while rows are written; then the auditor
compares each sink with its source. Ends with 0 when all are the same, 1 when not, 2 when it could not run.
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
    };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`${(error as Error).message}\n${help}`);
  }
}

function wholeNumber(flag: string, text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new UsageError(`${flag} is '${text}', must be a whole number`);
  return Number(text);
}
