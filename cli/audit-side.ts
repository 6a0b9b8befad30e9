import {
  dynamoSide,
  lakeSide,
  postgresSide,
  type AuditedColumns,
  type AuditSide,
  type SqlClient,
} from '../runtime/cdc/index.js';
import { PackageMissing } from '../runtime/dedup/errors.js';
import { CliError } from './cli-error.js';

export interface OpenedSide extends AsyncDisposable {
  readonly side: AuditSide;
}

interface ClientSettings {
  readonly region?: string;
  readonly endpoint?: string;
}

const forms = 'postgres://…#<table>, dynamodb:<table> or s3://<bucket>/<prefix>';

/**
 * One side of an audit, as the command line names it.
 *
 * @throws CliError for a text that names none
 */
export async function openSide(
  text: string,
  audited: AuditedColumns,
  settings: ClientSettings,
): Promise<OpenedSide> {
  if (/^postgres(ql)?:\/\//.test(text)) return openPostgres(text, audited);
  const nothingToClose = () => Promise.resolve();
  if (text.startsWith('dynamodb:')) {
    const { DynamoDBClient } = await import('@aws-sdk/client-dynamodb');
    const tableName = text.slice('dynamodb:'.length);
    const client = new DynamoDBClient(settings);
    return { side: dynamoSide({ ...audited, tableName, client }), [Symbol.asyncDispose]: nothingToClose };
  }
  const [, bucket, prefix = ''] = /^s3:\/\/([^/]+)\/?(.*)$/.exec(text) ?? [];
  if (bucket === undefined) throw new CliError(`'${withoutSecrets(text)}' names no store; give ${forms}`);
  const { S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client({ ...settings, forcePathStyle: settings.endpoint !== undefined });
  return { side: lakeSide({ ...audited, bucket, prefix, client }), [Symbol.asyncDispose]: nothingToClose };
}

/** What `pg` offers of what is needed here: it is not among what everybody installs. */
interface Pg {
  readonly default: { Pool: new (options: object) => SqlClient & { end(): Promise<void> } };
}

async function openPostgres(text: string, audited: AuditedColumns): Promise<OpenedSide> {
  const at = text.indexOf('#');
  const table = decodeURIComponent(text.slice(at + 1));
  if (at < 0 || table === '')
    throw new CliError(`'${withoutSecrets(text)}' names no table; end it with #<table> or #<schema>.<table>`);
  // By a name that no compiler looks up.
  const name: string = 'pg';
  let pg: Pg;
  try {
    pg = (await import(name)) as Pg;
  } catch (cause) {
    throw new PackageMissing('pg', 'an audit of Postgres', { cause });
  }
  const client = new pg.default.Pool({ connectionString: text.slice(0, at), max: 1 });
  return { side: postgresSide({ ...audited, client, table }), [Symbol.asyncDispose]: () => client.end() };
}

/**
 * A connection string may hold a password: in its user part, which ends with the last `@` however many there are, and
 * in its query. One that is not escaped may hold whatever else ends a part of a URL.
 */
function withoutSecrets(text: string): string {
  return text.replace(/\/\/.*@/s, '//…@').replace(/\?.*$/s, '?…');
}
