import { prices } from './prices.js';

/** What the cost of a path follows from: its own settings, and what its author states of the handler. */
export interface CostValues {
  readonly fifo: boolean;
  readonly batchSize: number;
  readonly memoryMegabytes: number;
  readonly arm: boolean;
  /** Write units that one message's receipt costs, 0 where the effect is its own proof. */
  readonly receiptUnits: number;
  /** Write units of one item that the handler writes. */
  readonly unitsPerItem: number;
  readonly itemsPerMessage: number;
  /** How long a receipt is stored, absent where none is. */
  readonly receiptDays?: number;
}

/** One part of the cost of a million messages. */
export interface CostLine {
  readonly part: string;
  readonly how: string;
  /** US dollars, when every batch is full. */
  readonly full: number;
  /** US dollars, when every message comes alone. */
  readonly alone: number;
}

/** Stated in the report: nothing at synth knows them. */
export const assumed = {
  batchSeconds: 0.05,
  receiptBytes: 300,
  logBytesPerBatch: 700,
} as const;

/** Parts of the cost of one million messages that arrive once each. */
export function costLines(values: CostValues): CostLine[] {
  const { fifo, batchSize, memoryMegabytes, arm, receiptUnits, unitsPerItem, itemsPerMessage } = values;
  const request = fifo
    ? prices.millionFifoRequests
    : prices.millionStandardRequests + prices.millionFairRequests;
  const gigabyteSeconds = (memoryMegabytes / 1024) * assumed.batchSeconds;
  const invocation =
    prices.millionInvocations +
    1_000_000 * gigabyteSeconds * (arm ? prices.armGigabyteSecond : prices.x86GigabyteSecond);
  const logs = (1_000_000 * assumed.logBytesPerBatch * prices.logGigabyte) / 1e9;
  const units = receiptUnits + unitsPerItem * itemsPerMessage;
  const lines: CostLine[] = [
    perBatch(
      'SQS requests',
      `1 send a message, 1 receive and 1 delete a batch, ${dollars(request)} a million`,
      (batches) => request * (1 + 2 * batches),
      batchSize,
    ),
    perBatch(
      'Lambda',
      `${memoryMegabytes} MB ${arm ? 'arm64' : 'x86_64'}, ${assumed.batchSeconds * 1000} ms a batch`,
      (batches) => invocation * batches,
      batchSize,
    ),
    perBatch(
      'CloudWatch Logs',
      `${assumed.logBytesPerBatch} bytes a batch`,
      (batches) => logs * batches,
      batchSize,
    ),
    {
      part: 'DynamoDB writes',
      how: `${tidy(units)} write units a message: ${tidy(receiptUnits)} for the receipt, ${tidy(unitsPerItem)} for each of ${tidy(itemsPerMessage)} items`,
      full: units * prices.millionWriteUnits,
      alone: units * prices.millionWriteUnits,
    },
  ];
  if (values.receiptDays === undefined) return lines;
  const gigabytes = (1_000_000 * assumed.receiptBytes) / 1e9;
  const storage = gigabytes * (values.receiptDays / averageMonthDays) * prices.gigabyteMonth;
  return [
    ...lines,
    {
      part: 'receipts kept',
      how: `${assumed.receiptBytes} bytes for ${tidy(values.receiptDays)} days, with continuous backup`,
      full: storage,
      alone: storage,
    },
  ];
}

export function dollars(amount: number): string {
  return `$${amount.toFixed(2)}`;
}

const averageMonthDays = 365.25 / 12;

function perBatch(
  part: string,
  how: string,
  cost: (batchesPerMessage: number) => number,
  batchSize: number,
): CostLine {
  return { part, how, full: cost(1 / batchSize), alone: cost(1) };
}

function tidy(value: number): string {
  return String(Math.round(value * 100) / 100);
}
