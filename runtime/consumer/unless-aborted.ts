/** Code of the user's that does not come to an end holds up nobody else. @throws `late()` once the signal fires */
export async function unlessAborted<T>(
  work: PromiseLike<T>,
  signal: AbortSignal,
  late: () => Error,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(late());
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
