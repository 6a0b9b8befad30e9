import type { OutboxNames } from './names.js';

/**
 * Partitions, made and dropped by functions of the schema's owner: a relay's role needs no right to change tables.
 *
 * Neither may keep publishers waiting behind a transaction that stays open: a partition is attached, which locks out
 * no writer, and what would have to wait for one gives up after 100 ms, until the next time.
 *
 * @see https://www.postgresql.org/docs/current/sql-altertable.html ATTACH PARTITION
 */
export function outboxFunctions({ schema, events, unsent, stuck, positions, control }: OutboxNames): string {
  return `
CREATE FUNCTION ${schema}.outbox_make_partitions(ahead integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' SET timezone = 'UTC' AS $$
DECLARE
  day date;
  part text;
  made integer := 0;
BEGIN
  FOR day IN SELECT (now() AT TIME ZONE 'UTC')::date + n FROM generate_series(0, ahead) n LOOP
    part := 'outbox_' || to_char(day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass('${schema}.' || part) IS NOT NULL;
    BEGIN
      EXECUTE format('CREATE TABLE ${schema}.%I (LIKE ${events} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part);
      EXECUTE format('ALTER TABLE ${events} ATTACH PARTITION ${schema}.%I FOR VALUES FROM (%L) TO (%L)',
        part, day::timestamptz, (day + 1)::timestamptz);
      made := made + 1;
    EXCEPTION
      -- A writer is in the way: not eight times in a row.
      WHEN lock_not_available OR deadlock_detected THEN RETURN made;
      -- Another relay was faster, or events of the day are in the default partition already.
      WHEN duplicate_table OR check_violation OR unique_violation THEN NULL;
    END;
  END LOOP;
  RETURN made;
END $$;

CREATE FUNCTION ${schema}.outbox_prune(retention interval) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' SET timezone = 'UTC' AS $$
DECLARE
  part text;
  upper_end timestamptz;
  pruned integer := 0;
BEGIN
  FOR part IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = '${events}'::regclass AND c.relname ~ '^outbox_[0-9]{8}$' ORDER BY 1
  LOOP
    upper_end := (to_date(right(part, 8), 'YYYYMMDD') + 1)::timestamptz;
    EXIT WHEN upper_end > now() - retention;
    CONTINUE WHEN NOT ${schema}.outbox_is_confirmed(upper_end);
    BEGIN
      -- Whoever writes into it is waited for; what is committed then is seen by the next statement.
      EXECUTE format('LOCK TABLE ${events}, ${schema}.%I IN ACCESS EXCLUSIVE MODE', part);
      CONTINUE WHEN NOT ${schema}.outbox_is_confirmed(upper_end);
      EXECUTE format('DROP TABLE ${schema}.%I', part);
      pruned := pruned + 1;
    EXCEPTION
      WHEN lock_not_available OR deadlock_detected THEN RETURN pruned;
    END;
  END LOOP;
  RETURN pruned;
END $$;

CREATE FUNCTION ${schema}.outbox_is_confirmed(before timestamptz) RETURNS boolean LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
  SELECT NOT EXISTS (SELECT FROM ${unsent} WHERE created < before)
    AND NOT EXISTS (SELECT FROM ${stuck} WHERE oldest < before)
    AND NOT EXISTS (SELECT FROM ${positions} WHERE committed_at < now() - interval '1 hour')
    AND ((SELECT polled FROM ${control}) OR EXISTS (SELECT FROM ${positions}))
$$;
REVOKE ALL ON FUNCTION ${schema}.outbox_make_partitions(integer), ${schema}.outbox_prune(interval),
  ${schema}.outbox_is_confirmed(timestamptz), ${schema}.outbox_number(), ${schema}.outbox_notify() FROM PUBLIC;
SELECT ${schema}.outbox_make_partitions(7);
`;
}
