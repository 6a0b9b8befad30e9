import { textTable } from '../../targets/text-table.js';
import { isExact, type KafkaFigures } from './audit.js';

export interface KafkaReport {
  readonly figures: readonly KafkaFigures[];
  readonly processorKills: number;
  readonly functionKills: number;
  /** Batches that were handed to the function again although it was through with them. */
  readonly copies: number;
  readonly seconds: number;
}

export function isExactlyOnce({ figures }: KafkaReport): boolean {
  return figures.length > 0 && figures.every(isExact);
}

const head = ['', 'purchases', 'lost', 'doubled', 'unknown', 'amount', 'expected', ''];

/** For people. */
export function kafkaReportText(report: KafkaReport): string {
  const rows = report.figures.map((of) => [
    of.name,
    ...[of.purchases, of.lost, of.doubled, of.unknown].map(String),
    dollars(of.cents),
    dollars(of.expectedCents),
    isExact(of) ? 'exact' : 'DIFFERS',
  ]);
  return [
    textTable(rows, { head, figures: new Set([1, 2, 3, 4, 5, 6]) }),
    '',
    `Killed with SIGKILL: processors ${report.processorKills} times, functions ${report.functionKills} times; ` +
      `${report.copies} batches were handed out once more. ${Math.round(report.seconds)} s.`,
    isExactlyOnce(report) ? 'Every effect happened exactly once.' : 'NOT exactly once.',
  ].join('\n');
}

function dollars(cents: number): string {
  return (cents / 100).toLocaleString('en-US', { minimumFractionDigits: 2 });
}
