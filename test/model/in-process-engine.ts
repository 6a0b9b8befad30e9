import type { Item } from './attribute-values.js';
import type { Engine } from './engine.js';
import { InProcessDynamo, type InProcessDynamoOptions } from './in-process-dynamo.js';

const names = { receipts: 'receipts', effects: 'effects', rows: 'rows', outbox: 'outbox' };

export function inProcessEngine(options: InProcessDynamoOptions): Engine {
  const dynamo = new InProcessDynamo(options);
  const { tables } = dynamo;
  tables.create(names.receipts, 'id').indexes.set('attention', ['attention', 'since']);
  tables.create(names.effects, 'name');
  tables.create(names.rows, 'name');
  tables.create(names.outbox, 'stream', 'version');
  const write = (name: string, key: Item, item: Item | undefined) => {
    const table = tables.get(name);
    table.write(table.rowId(key), item);
  };
  return {
    names,
    prefix: '',
    start: (command) => dynamo.start(command),
    read: (name, key) => tables.get(name).read(tables.get(name).rowId(key)),
    rows: (name) => tables.get(name).items,
    put: (name, item) => write(name, item, item),
    remove: (name, key) => write(name, key, undefined),
    forgetTokens: () => dynamo.forgetTokens(),
  };
}
