/** What is loaded with the first record that fails, or was handed out before. */
export { PostgresFailureStore } from '../../postgres/failure-store.js';
export { countedFailures } from '../counted-failures.js';
