import type { Behaviour } from './harness.js';

/** Stands in for the file that each test puts beside the bundled harness. */
export const behave: Behaviour = () => undefined;
