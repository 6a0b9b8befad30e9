/** Base of everything that `targets/` throws: the message says what happened and what to do about it. */
export class LocalTargetError extends Error {
  override readonly name: string = 'LocalTargetError';
}
