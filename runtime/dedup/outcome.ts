/**
 * What became of one message. The only such type: a way of committing says it, the engine acts on it, a summary
 * counts it.
 *
 * - `processed`: its effects are durable, by this commit.
 * - `duplicate`: they were durable before. `result` is what the first handler returned, where that is kept.
 * - `parked`: it came early, or its group is stopped; it is kept elsewhere and acts in its turn.
 * - `stale`: something newer has replaced it.
 * - `ignored`: it is none of this consumer's business; nothing is written down.
 * - `retry`: it comes again. `error` says why; none means that nothing was wrong with it.
 * - `rejected`: it can never succeed. It goes to the dead letters with the reason.
 */
export type Outcome =
  | { readonly kind: 'processed' | 'parked' | 'stale' | 'ignored' }
  | { readonly kind: 'duplicate'; readonly result?: unknown }
  | { readonly kind: 'retry'; readonly error?: unknown }
  | { readonly kind: 'rejected'; readonly error: unknown };

/**
 * Outcomes by message. A message that is in no entry was not tried: one before it in its lane did not get through.
 */
export type Outcomes<Message> = ReadonlyMap<Message, Outcome>;

/**
 * Why there is a dead letter. `rejected`: it can never succeed. `failed`: it failed too often. `died`: it killed its
 * process. `parked`: it failed when its turn came.
 */
export type DeadLetterKind = 'rejected' | 'failed' | 'died' | 'parked';
