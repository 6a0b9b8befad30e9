import { draw } from './draw.js';

/** Decides what is sent a second time, and when. */
export interface DuplicateSchedule<T> {
  /** To be called once an item was sent. Returns the items to be sent again now, which may include it. */
  after(id: string, item: T): T[];
  /** Everything that was still due later. */
  rest(): T[];
}

/**
 * A seeded share of items comes again: half of them at once; the others 20 to 220 items later, or at the end.
 *
 * @param share 0 to 1
 */
export function duplicateSchedule<T>(seed: number, share: number): DuplicateSchedule<T> {
  const later: { item: T; due: number }[] = [];
  let count = 0;
  return {
    after(id, item) {
      count += 1;
      const due = later.filter((entry) => entry.due <= count);
      for (const entry of due) later.splice(later.indexOf(entry), 1);
      const again = due.map((entry) => entry.item);
      if (draw(seed, 'duplicate', id) >= share) return again;
      if (draw(seed, 'at once', id) < 0.5) return [...again, item];
      later.push({ item, due: count + 20 + Math.floor(200 * draw(seed, 'delay', id)) });
      return again;
    },
    rest: () => later.splice(0).map(({ item }) => item),
  };
}
