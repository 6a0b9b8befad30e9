/**
 * Places in the write-ahead log, as text `X/Y`. Only ends of commit records are ever compared with each other: since
 * Postgres 17 the end of one may equal the place of the first change of the next transaction, and whoever compares
 * that with `<=` loses the transaction.
 *
 * @see https://github.com/debezium/dbz/issues/76
 */
export function lsnNumber(lsn: string): bigint {
  const [high = '0', low = '0'] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

export function lsnText(place: bigint): string {
  return `${(place >> 32n).toString(16)}/${(place & 0xffff_ffffn).toString(16)}`.toUpperCase();
}

/**
 * What to hand to `acknowledge` of pg-logical-replication, so that it confirms this place. It adds one to what it is
 * given. One too many is a loss: a transaction whose commit record begins where the last one ended would be before
 * the confirmed place, and Postgres would never send it again.
 */
export function acknowledging(end: string): string {
  return lsnText(lsnNumber(end) - 1n);
}
