import type { Endpoint } from './endpoint.js';
import { counting } from './sign.js';

/** An endpoint as it may be shown: without its secrets and the values of its headers. */
export interface EndpointView extends Omit<Endpoint, 'secrets' | 'headers'> {
  readonly headerNames: readonly string[];
  /** How many secrets count now. */
  readonly secretCount: number;
}

export function viewOf({ secrets, headers = {}, ...rest }: Endpoint, nowMs: number): EndpointView {
  return { ...rest, headerNames: Object.keys(headers), secretCount: counting(secrets, nowMs).length };
}
