import type * as pg from 'pg';
import type * as replication from 'pg-logical-replication';
import { unlessMissing } from '../../dedup/package-missing.js';

/**
 * Packages that only the CDC relay needs, and the command line. Both are CommonJS: what a bundler makes of one has a
 * default export only.
 */
export async function importPg(feature = 'the CDC relay'): Promise<typeof pg> {
  return named(await import('pg').catch(unlessMissing('pg', feature)));
}

export async function importReplication(): Promise<typeof replication> {
  return named(
    await import('pg-logical-replication').catch(unlessMissing('pg-logical-replication', 'the CDC relay')),
  );
}

function named<Module extends object>(imported: Module): Module {
  return (imported as { readonly default?: Module }).default ?? imported;
}
