import type { KeyedApiProps } from './idempotent-api-props.js';

/** How many requests an API takes, as given or by default: per second, and at once beyond that. */
export function throttle({
  rateLimit = 500,
  burstLimit = 1_000,
}: Pick<KeyedApiProps, 'rateLimit' | 'burstLimit'>): {
  readonly rateLimit: number;
  readonly burstLimit: number;
} {
  return { rateLimit, burstLimit };
}
