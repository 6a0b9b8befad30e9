import { userInfo } from 'node:os';

/** Whom decisions are put down to, unless another name is given. */
export function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}
