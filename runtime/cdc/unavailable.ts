import { createHash } from 'node:crypto';

const text = '__debezium_unavailable_value';
const bytes = Buffer.from(text);
const base64 = bytes.toString('base64');
/** Of a map (hstore), as text. */
const json = JSON.stringify({ [text]: text });
/** Of `uuid[]`: Java's `UUID.nameUUIDFromBytes`. */
const uuid = nameUuid();

/**
 * Whether a value stands for a large one that the update left as it was (TOAST): Debezium has a form for each type of
 * column, of text, bytea, hstore, and of arrays of text, json, bytea, uuid, int and bigint. For other arrays and for
 * `bit varying` it has none, and tells null.
 *
 * @see https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-toasted-values
 */
export function isUnavailable(value: unknown): boolean {
  if (typeof value === 'string') return value === text || value === base64 || value === json;
  if (typeof value !== 'object' || value === null) return false;
  if (!Array.isArray(value)) return (value as Readonly<Record<string, unknown>>)[text] === text;
  if (value.length === 1) return value[0] === text || value[0] === base64 || value[0] === uuid;
  return value.length === bytes.length && value.every((code, i) => code === bytes[i]);
}

function nameUuid(): string {
  const hash = createHash('md5').update(bytes).digest();
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x30, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
