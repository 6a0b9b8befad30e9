import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { Pool } from 'pg';
import {
  dynamoSide,
  icebergSide,
  lakeSide,
  postgresSide,
  scheduledAudit,
  type AuditSide,
  type SqlClient,
} from '../../runtime/cdc/index.js';
import { required } from '../environment.js';

const name = required('EXACTLY_ONCE_AUDIT');
const audited = { partition: 'payments', key: ['id'], columns: ['amount', 'currency'] };

/** The secret is read for each audit, so that a rotated one is the one of now. */
const database: SqlClient = {
  async query(text, values) {
    const pool = await (pooled ??= opened());
    return pool.query(text, values === undefined ? undefined : [...values]);
  },
};
let pooled: Promise<Pool> | undefined;

async function opened(): Promise<Pool> {
  const secrets = new SecretsManagerClient({});
  const { SecretString = '{}' } = await secrets.send(
    new GetSecretValueCommand({ SecretId: required('EXACTLY_ONCE_DATABASE_SECRET') }),
  );
  const { username, password } = JSON.parse(SecretString) as { username?: string; password?: string };
  const pool = new Pool({
    host: required('DATABASE_HOST'),
    database: required('DATABASE_NAME'),
    user: username,
    password,
    // Node.js on Lambda knows the authorities of RDS.
    ssl: true,
    max: 1,
  });
  pool.on('error', () => undefined);
  return pool;
}

function sinkSide(): AuditSide {
  switch (name) {
    case 'payments-lake':
      return lakeSide({ ...audited, bucket: required('LAKE_BUCKET'), prefix: 'lake/' });
    case 'payments-iceberg':
      return icebergSide({ ...audited, bucket: required('LAKE_BUCKET'), prefix: 'iceberg/payments/' });
    default:
      return dynamoSide({ ...audited, tableName: required('MODEL_TABLE') });
  }
}

const compared = scheduledAudit({
  name,
  source: postgresSide({ ...audited, client: database, table: 'public.payments' }),
  sink: sinkSide(),
  // While payments are made a sink is behind: only what differs alike in each look is a finding.
  looks: 4,
  pauseMs: 20_000,
});

export const handler = async () => {
  try {
    return await compared();
  } finally {
    const pool = await pooled?.catch(() => undefined);
    pooled = undefined;
    await pool?.end();
  }
};
