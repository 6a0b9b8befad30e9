import { DebeziumTooOld } from './errors.js';

/** The first Debezium that loses no committed row of Postgres when it is restarted. */
export const leastDebezium = [3, 7, 0] as const;

/**
 * @param version as in `source.version`, such as `3.7.0.Final`.
 * @throws DebeziumTooOld for an earlier one, for a candidate of 3.7.0, and for what is no version.
 */
export function assertDebezium(version: string): void {
  const [, major, minor, patch, kind] = /^(\d+)\.(\d+)\.(\d+)\.(\w+)$/.exec(version) ?? [];
  const parts = [major, minor, patch].map(Number);
  const differs = leastDebezium.findIndex((least, i) => parts[i] !== least);
  const isLater = differs >= 0 && (parts[differs] ?? Number.NaN) > (leastDebezium[differs] ?? 0);
  if (!(isLater || (differs < 0 && kind === 'Final'))) throw new DebeziumTooOld(version.slice(0, 40));
}
