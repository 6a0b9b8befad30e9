export { keyHash } from '../dedup/key-hash.js';
