import {
  invocationLine,
  logLine,
  queueLine,
  storageLine,
  itemsText,
  writeLine,
  type Cost,
  type FunctionCost,
} from './cost.js';

/** What the cost of messages follows from: the consumer's settings, and what its author states of the handler. */
export interface ConsumerCost extends FunctionCost {
  readonly fifo: boolean;
  readonly batchSize: number;
  /** Write units that one message's receipt costs, 0 where the effect is its own proof. */
  readonly receiptUnits: number;
  /** Write units of one item that the handler writes. */
  readonly unitsPerItem: number;
  readonly itemsPerMessage: number;
  /** How long a receipt is stored, absent where none is. */
  readonly receiptDays?: number;
}

/** Of a million messages that arrive once each. */
export function messageCost(values: ConsumerCost): Cost {
  const { fifo, batchSize, receiptUnits, unitsPerItem, itemsPerMessage, receiptDays } = values;
  return {
    per: 'messages',
    batchSize,
    lines: [
      queueLine(fifo, batchSize),
      invocationLine(values, batchSize),
      logLine(batchSize),
      writeLine([
        [receiptUnits, 'for the receipt'],
        [unitsPerItem * itemsPerMessage, itemsText(itemsPerMessage, unitsPerItem)],
      ]),
      ...(receiptDays === undefined ? [] : [storageLine('receipts kept', receiptDays)]),
    ],
  };
}
