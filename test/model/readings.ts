import type { Item } from './attribute-values.js';
import type { Reading } from './effects.js';
import type { WayName } from './scenario.js';

/** Counters: an attribute per token, raised by one each time. */
const transaction: Reading = {
  acted(before, after) {
    const tokens = Object.keys(after ?? {}).filter((attribute) => attribute.includes(':'));
    return tokens.flatMap((token) => {
      const by = Number(after?.[token]?.N) - Number(before?.[token]?.N ?? 0);
      return Array.from({ length: by }, () => token);
    });
  },
  holds: () => false,
};

/** Rows: one that is written anew has acted again. */
const insert: Reading = {
  acted(before, after) {
    const token = after?.token?.S;
    return token === undefined || JSON.stringify(before) === JSON.stringify(after) ? [] : [token];
  },
  holds: () => false,
};

/** Logs: whatever was appended has acted. */
const aggregate: Reading = {
  acted(before, after) {
    const [from, to] = [logOf(before), logOf(after)];
    // A log that was rewritten: all of it has acted again.
    const added = to.startsWith(from) ? to.slice(from.length) : to;
    return added.split(' ').filter((token) => token !== '');
  },
  holds: (row, token) => row?.xo?.S?.includes(`${token}\\`) === true,
};

function logOf(row: Item | undefined): string {
  return row?.log?.S ?? '';
}

export const readings: Readonly<Record<WayName, Reading>> = { transaction, insert, aggregate };
