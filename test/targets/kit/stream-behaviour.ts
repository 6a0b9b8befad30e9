import type { StreamBehaviour } from './stream-harness.js';

/** Stands in for the file that each test puts beside the bundled harness. */
export const behave: StreamBehaviour = () => undefined;
