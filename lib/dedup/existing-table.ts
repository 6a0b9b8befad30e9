import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { GuaranteeReport } from '../guarantees/guarantee-report.js';
import type { Inequality } from '../guarantees/inequality.js';
import { violationsOf } from '../guarantees/inequality.js';
import { InvalidProps, type Violation } from '../guarantees/invalid-props.js';
import { nameText } from '../guarantees/name-text.js';
import { tableElsewhere } from '../guarantees/same-region.js';
import type { Unproven } from '../guarantees/unproven.js';
import { DedupTableBase } from './dedup-table-base.js';
import { deployedTable, type DeployedTable } from './deployed-table.js';

/** A table of receipts that somebody else sets up, compared where this app makes it. */
export class ExistingTable extends DedupTableBase {
  public readonly table: ITable;

  constructor(scope: Construct, id: string, table: ITable) {
    super(scope, id);
    this.table = table;
    const deployed = deployedTable(table);
    const inequalities = deployed?.key === undefined ? [] : [receiptKey(deployed.key, table)];
    const violations = [
      ...violationsOf(inequalities),
      ...regionViolations(deployed, table),
      ...tableElsewhere(this, 'table', table),
    ];
    if (violations.length > 0) throw new InvalidProps('DedupTable', this.node.path, violations);
    GuaranteeReport.record('DedupTable', this, { inequalities, unproven: unproven(table, deployed) });
  }
}

function receiptKey(key: string, table: ITable): Inequality {
  return {
    id: 'receipts-by-id',
    prevents: 'no message can be processed: a receipt has no other attribute to be found by',
    change: 'give another table, or change its key',
    left: `key of '${table.node.path}' is ${key}`,
    right: receiptKeyText,
    holds: key === receiptKeyText,
  };
}

function regionViolations(deployed: DeployedTable | undefined, table: ITable): Violation[] {
  if (deployed?.stronglyConsistentRegions !== true) return [];
  return [
    {
      id: 'transactions-in-one-region',
      given: `'${table.node.path}' has multi-Region strong consistency`,
      allowed: 'a table with transactions, which such a table has not',
      change: 'give a table of one Region',
    },
  ];
}

function unproven(table: ITable, deployed: DeployedTable | undefined): Unproven[] {
  const name = nameText(table, table.tableName);
  const described = `\`aws dynamodb describe-table --table-name <name of ${name}>\``;
  const found: Unproven[] = [];
  if (deployed?.key === undefined)
    found.push({
      id: 'receipts-by-id',
      required: `${name} has the key ${receiptKeyText} alone`,
      check: described,
    });
  if (deployed === undefined || deployed.replicas > 1)
    found.push({
      id: 'receipts-in-one-region',
      required: `consumers of one name use ${name} in one Region: replication comes after the commit, two Regions would both accept a message`,
      check: `replicas in ${described}`,
    });
  if (deployed?.timeToLive === undefined)
    found.push({
      id: 'receipts-expire',
      required: `the TTL attribute of ${name} is \`expiration\` or none; with none, receipts are kept and paid for ever`,
      check: `\`aws dynamodb describe-time-to-live --table-name <name of ${name}>\``,
    });
  return [
    ...found,
    {
      id: 'groups-are-listed',
      required: `${name} has a global index \`attention\` with the key attention (S), since (S) and all attributes; without it stopped groups work, and nobody can list them`,
      check: described,
    },
    {
      id: 'receipts-are-kept',
      required: `nobody deletes ${name} or rows of it: deletion protection, continuous backup`,
      check: `${described}, and \`describe-continuous-backups\``,
    },
  ];
}

const receiptKeyText = 'id (S)';
