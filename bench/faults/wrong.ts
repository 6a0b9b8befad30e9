import type { Queue } from '../message.js';
import type { Row } from '../row.js';
import { cases, fieldedId } from './case.js';

/** @param wrong runs left wrong, by the id of who was fielded. */
export function wrongRows(measure: string, wrong: ReadonlyMap<string, number>, peerName: string): Row[] {
  return cases.map(({ name, ours, peer }) => {
    const queue: Queue = name.endsWith('Standard') ? 'Standard' : 'FIFO';
    return {
      measure,
      case: name,
      ours: wrong.get(fieldedId(ours, queue)) ?? null,
      peer: wrong.get(fieldedId(peer, queue)) ?? null,
      peerName,
      unit: 'runs',
    };
  });
}
