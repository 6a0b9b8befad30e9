import { laneCount, type OutboxNames } from './names.js';

/**
 * What numbers an event, whoever inserts it and how: by this library, by an ORM, by COPY.
 *
 * The row that is locked is the count of the aggregate, a row of the outbox's own: the user's row may be in any table
 * or not be there yet. Who has it keeps others of the aggregate waiting until the transaction ends, so versions have
 * no gaps, and n+1 is never visible before n.
 *
 * The epoch is no setting of a publisher: it is read behind a lock that publishers share and `beginEpoch` takes
 * alone, and from a sequence, which no snapshot hides, whatever the isolation level. So no commit bears an epoch that
 * was over before it (R37).
 */
export function outboxTrigger({
  schema,
  events,
  streams,
  unsent,
  control,
  epochLock,
  channel,
}: OutboxNames): string {
  return `
CREATE FUNCTION ${schema}.outbox_number() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  earlier jsonb;
BEGIN
  IF abs(extract(epoch FROM NEW.created - clock_timestamp())) > 3600 THEN
    RAISE EXCEPTION 'created of an outbox event must be now: leave it out' USING ERRCODE = 'check_violation';
  END IF;
  PERFORM pg_advisory_xact_lock_shared(${epochLock}, 0);
  SELECT last_value::text INTO NEW.epoch FROM ${schema}.outbox_epoch;
  INSERT INTO ${streams} AS s (source, epoch, aggregatetype, aggregateid, version, types)
  VALUES (NEW.source, NEW.epoch, NEW.aggregatetype, NEW.aggregateid, 1, jsonb_build_object(NEW.type, '1'))
  ON CONFLICT (source, epoch, aggregatetype, aggregateid) DO UPDATE SET
    version = s.version + 1,
    before = s.types,
    types = s.types || jsonb_build_object(NEW.type, (s.version + 1)::text)
  RETURNING s.stream, s.version, s.before INTO NEW.stream, NEW.version, earlier;
  NEW.types := nullif(earlier - NEW.type, '{}');
  IF NEW.types IS NOT NULL THEN
    NEW.types := earlier;
  END IF;
  NEW.id := NEW.epoch || '/' || NEW.aggregatetype || '/' || NEW.aggregateid || '/' || NEW.version;
  IF (SELECT polled FROM ${control}) THEN
    INSERT INTO ${unsent} (lane, stream, version, created, bytes)
    VALUES (hashint8(NEW.stream) & ${laneCount - 1}, NEW.stream, NEW.version, NEW.created, octet_length(NEW.payload));
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER outbox_number BEFORE INSERT ON ${events} FOR EACH ROW EXECUTE FUNCTION ${schema}.outbox_number();

CREATE FUNCTION ${schema}.outbox_notify() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF (SELECT notified FROM ${control}) THEN
    PERFORM pg_notify('${channel}', '');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER outbox_notify AFTER INSERT ON ${events} FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.outbox_notify();
`;
}
