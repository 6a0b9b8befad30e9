import type { Limits } from './limits.js';
import { Meter } from './meter.js';

/** An operator's command waits this long for the store. */
const operatorMs = 30_000;

export function operatorLimits(): Limits {
  return { deadline: Date.now() + operatorMs, meter: new Meter() };
}
