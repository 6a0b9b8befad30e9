import { InvalidArgumentError, type Command } from 'commander';
import { audit, type AuditReport } from '../../runtime/cdc/index.js';
import { keyHash } from '../../runtime/dedup/key-hash.js';
import { openSide } from '../audit-side.js';
import { clientSettings } from '../connection.js';
import { exitWith, print, printJson, tableText, warn } from '../output.js';

interface Options {
  readonly source: string;
  readonly sink: string;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  readonly looks: number;
  readonly pause: number;
  readonly showKeys?: true;
  readonly region?: string;
  readonly endpoint?: string;
  readonly json?: true;
}

/** Adds `audit`. */
export function addAudit(program: Command): void {
  program
    .command('audit')
    .description(
      'Compares a table with its copy: by range the number of rows, the XOR and the sum of their hashes, then, where they differ, row by row.',
    )
    .requiredOption(
      '--source <store>',
      'what should be there: postgres://…#<table>, dynamodb:<table>, s3://<bucket>/<prefix>',
    )
    .requiredOption('--sink <store>', 'what is there, named in the same way')
    .requiredOption('--key <columns>', 'of the primary key, separated by commas', columnNames)
    .requiredOption('--columns <columns>', 'that are compared, separated by commas', columnNames)
    .option('--looks <number>', 'a finding is what differs alike in each of so many looks', wholeNumber, 1)
    .option('--pause <seconds>', 'between two looks', wholeNumber, 10)
    .option('--show-keys', 'print keys, which may be personal data, instead of their hashes')
    .option('--region <region>', 'AWS Region (default: that of your AWS configuration)')
    .option('--endpoint <url>', 'address of an emulator (default: AWS_ENDPOINT_URL, else AWS)')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 both hold the same, 1 they differ or the source is empty, 2 could not run.',
    )
    .action(async (options: Options) => {
      const { key, columns, looks, pause } = options;
      const audited = { partition: 'rows', key, columns };
      const settings = clientSettings(options);
      await using source = await openSide(options.source, audited, settings);
      await using sink = await openSide(options.sink, audited, settings);
      const report = await audit({ source: source.side, sink: sink.side, looks, pauseMs: pause * 1000 });
      exitWith(report.ok ? 0 : 1);
      const shown = options.showKeys ? report : hashed(report);
      if (options.json) printJson(shown);
      else printReport(shown);
    });
}

/** Places are keys, too. */
function hashed(report: AuditReport): AuditReport {
  return {
    ...report,
    partitions: report.partitions.map((one) => ({ ...one, places: ['-', '-'] as const })),
    findings: report.findings.map((finding) => ({ ...finding, key: keyHash(finding.key) })),
  };
}

function printReport({ ok, problem = '', counts, partitions, findings }: AuditReport): void {
  print(
    tableText(
      partitions.map(({ source, sink, rangesThatDiffer }) => ({
        source,
        sink,
        ...counts,
        'ranges that differ': rangesThatDiffer,
      })),
    ),
  );
  if (ok) return;
  if (findings.length > 0) print(`\n${tableText(findings.map(({ kind, key }) => ({ finding: kind, key })))}`);
  warn(`the audit has failed: ${problem}`);
}

function columnNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('')) throw new InvalidArgumentError('give names of columns, separated by commas');
  return names;
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('give a whole number from 1');
  return Number(text);
}
