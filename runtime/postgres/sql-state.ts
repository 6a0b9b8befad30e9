/**
 * SQLSTATE of what Postgres has said, whatever client has made the error; undefined when it said nothing: the
 * connection broke. What the operating system says of a connection may have five letters, too: EPIPE.
 */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, errno, syscall } = Object(error) as Partial<NodeJS.ErrnoException>;
  if (errno !== undefined || syscall !== undefined) return undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}
