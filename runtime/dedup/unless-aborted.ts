/**
 * Settles as `work` does, and is given up once the signal fires: work that does not heed it holds up nobody else.
 * What becomes of it later is nobody's any more.
 *
 * @throws what `late` returns, or rejects with
 */
export async function unlessAborted<T>(
  work: PromiseLike<T>,
  signal: AbortSignal,
  late: () => Error | PromiseLike<Error>,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const giveUp = () => void Promise.resolve(late()).then(reject, reject);
  if (signal.aborted) giveUp();
  else signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
