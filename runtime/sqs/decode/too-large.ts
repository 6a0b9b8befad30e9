import { RejectMessage } from '../../dedup/errors.js';

/** 16 MiB: ten of them, parsed, fit into the smallest functions that are in use. */
export const defaultMaxBytes = 16 * 1024 * 1024;

/** A body becomes larger than allowed once it is decoded. */
export class TooLargeToDecode extends RejectMessage {
  override name = 'TooLargeToDecode';
  constructor(
    /** Bytes. */
    readonly limit: number,
  ) {
    super(`the decoded body has more than ${limit} bytes; send less, or raise \`maxBytes\` of the decoder`);
  }
}
