import type { ConsumerHabitat } from './consumers.js';
import type { Engine } from './engine.js';
import type { Body } from './message-body.js';
import type { Order } from './outside.js';
import {
  faultOf,
  outbox,
  RejectMessage,
  table,
  type Effect,
  type Outbox,
  type Transaction,
} from './runtime-under-test.js';
import type { OutsideKind } from './scenario.js';

/** What a handler says that has read an account with nothing on it. */
export const overdrawn = 'overdrawn';

export function accountOf(group: string): string {
  return `account ${group}`;
}

export function book(table: string): Outbox {
  return outbox({ table, source: 'model', epoch: '1' });
}

/**
 * The handler of the transaction way: an increment of its own for each message, and what its kind writes beside that.
 */
export async function fill(
  { names, prefix }: Engine,
  { id, token, group, kind, amount }: Body,
  tx: Transaction,
  { danger, isMended, refuses, outside }: ConsumerHabitat,
): Promise<void> {
  const effects = table({ name: names.effects, partitionKey: 'name' });
  const rows = table({ name: names.rows, partitionKey: 'name' });
  const add = { [token]: 1 };
  const never = (attribute: string) => ({
    expression: 'attribute_not_exists(#mine)',
    names: { '#mine': attribute },
  });
  switch (kind) {
    case 'add': {
      tx.update(effects, { name: group }, { add });
      return;
    }
    case 'set': {
      // Two of these are never one write.
      tx.update(effects, { name: group }, { add, set: { last: token } });
      return;
    }
    case 'own-condition': {
      // Its own write makes the condition false.
      tx.update(effects, { name: group }, { add, condition: never(token) });
      return;
    }
    case 'insert':
      tx.insert(rows, { name: id });
      {
        tx.update(effects, { name: group }, { add });
        return;
      }
    case 'check':
      tx.check(rows, { name: `${prefix}closed` }, never('name'));
      {
        tx.update(effects, { name: group }, { add });
        return;
      }
    case 'get': {
      // The sum shows whatever was decided on an old read, and whatever acted twice.
      const before = await tx.get(rows, { name: `${prefix}sum` }, ['sum']);
      await danger();
      tx.update(rows, { name: `${prefix}sum` }, { set: { sum: Number(before?.sum ?? 0) + 1 } });
      tx.update(effects, { name: group }, { add });
      return;
    }
    case 'publish':
      tx.publish(book(names.outbox), {
        aggregate: { table: rows, key: { name: `${prefix}book` } },
        type: 'Acted',
        data: token,
      });
      {
        tx.update(effects, { name: group }, { add });
        return;
      }
    case 'deposit':
      tx.update(rows, { name: accountOf(group) }, { add: { balance: 1 } });
      tx.update(effects, { name: group }, { add });
      return;
    case 'withdraw':
    case 'insist': {
      const account = await tx.get(rows, { name: accountOf(group) }, ['balance']);
      await danger();
      const balance = Number(account?.balance ?? 0);
      if (balance < 1 && !isMended(token)) {
        refuses(token);
        throw kind === 'withdraw' ? new RejectMessage(overdrawn) : new Error(overdrawn);
      }
      tx.update(rows, { name: accountOf(group) }, { set: { balance: balance - 1 } });
      tx.update(effects, { name: group }, { add });
      return;
    }
    case 'amount':
      tx.put(rows, { name: `amount ${id}`, amount });
      tx.update(effects, { name: group }, { add });
      return;
    case 'mail':
    case 'charge':
    case 'transfer':
      await outside.try(id, async (args) => {
        const effect = effectOf({ id, kind, arguments: args }, outside);
        await tx.once('order', effect).catch((error: unknown) => {
          if (faultOf(error) === 'message') refuses(token);
          throw error;
        });
      });
      tx.update(effects, { name: group }, { add });
      return;
    case 'shared':
      tx.update(rows, { name: `${prefix}shop` }, { add: { total: 1 } });
      {
        tx.update(effects, { name: group }, { add });
        return;
      }
  }
}

/** An effect outside, of the policy that its kind is for. */
function effectOf(order: Order, outside: ConsumerHabitat['outside']): Effect<Order, object> {
  const policies: Record<OutsideKind, Effect<Order, object>['onUnknown']> = {
    mail: 'block',
    charge: { retry: { keyWindowSeconds: 86_400 } },
    transfer: { reconcile: ({ id }) => outside.find(id) },
  };
  const run: Effect<Order, object>['run'] = async (args, call) => outside.call(args, call);
  return { args: order, run, onUnknown: policies[order.kind] };
}
