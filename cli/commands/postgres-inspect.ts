import type { Command } from 'commander';
import { receiptId } from '../../runtime/dedup/identity.js';
import { valueOfText } from '../../runtime/dedup/value-text.js';
import { readReceipt, type ReceiptRow } from '../../runtime/postgres/receipts.js';
import { exitWith, print, printJson, tableText } from '../output.js';
import { addUrl, withTables, type DatabaseOptions, type DatabasePool } from '../postgres/database.js';
import { receiptFacts, type Receipt } from './inspect.js';

/** Adds `postgres inspect`. */
export function addPostgresInspect(postgres: Command): void {
  addUrl(postgres.command('inspect'))
    .description('Tells what is known of one key: its receipt.')
    .argument('<key>', 'the key, as the consumer makes it')
    .requiredOption('--consumer <name>', 'consumerName')
    .addHelpText('after', '\nExit codes: 0 it has been processed, 1 no receipt is there, 2 could not run.')
    .action(async (key: string, { url, json, consumer }: DatabaseOptions & { readonly consumer: string }) =>
      withTables(url, async (pool) => {
        const receipt = await receiptOf(pool, receiptId(consumer, key));
        if (receipt === undefined) exitWith(1);
        if (json) printJson({ consumer, key, receipt });
        else print(tableText(receiptFacts(consumer, key, receipt)));
      }),
    );
}

async function receiptOf(pool: DatabasePool, id: string): Promise<Receipt | undefined> {
  const { rows } = await pool.query<ReceiptRow>(readReceipt, [id]);
  const [row] = rows;
  return (
    row && {
      ...{ completed: true, status: 'COMPLETED', fingerprint: row.fingerprint },
      expires: new Date(Date.now() + row.left * 1000).toISOString(),
      ...(row.result !== null && { result: valueOfText(row.result) }),
    }
  );
}
