import { InvalidProps } from '../guarantees/invalid-props.js';

export interface SnowflakeConnectorProps {
  /** Of the jar in the worker, such as `4.1.0`. */
  readonly connectorVersion: string;
  readonly topics: string[];
  /** Such as `myorg-myaccount.snowflakecomputing.com`. */
  readonly url: string;
  readonly user: string;
  /** A reference to a config provider of the worker, such as `${secretsManager:shop/snowflake:key}`. */
  readonly privateKey: string;
  readonly role: string;
  readonly database: string;
  readonly schema: string;

  /** @default 1 */
  readonly tasksMax?: number;
}

/**
 * The configuration of Snowflake's own connector, version 4, which states exactly-once and order per partition for
 * itself. Not measured here: nothing of Snowflake runs on this project's machines, and rows are changes, of which a
 * view makes a table. The consumer reads committed records only.
 *
 * @see https://docs.snowflake.com/en/connectors/kafkahp/setup-kafka
 */
export class SnowflakeConnector {
  public readonly config: { [key: string]: string };

  /** @throws InvalidProps for version 3, whose class and offsets are others */
  constructor(props: SnowflakeConnectorProps) {
    const { connectorVersion, topics, url, user, privateKey, role, database, schema, tasksMax = 1 } = props;
    if (!/^[4-9]\.\d+\.\d+$/.test(connectorVersion))
      throw new InvalidProps('SnowflakeConnector', topics.join(), [
        {
          id: 'snowflake-connector-version',
          given: `connectorVersion is '${connectorVersion}'`,
          allowed: '4.0.0 or later',
          change: 'put the jar of version 4 into the image of the worker, and say so',
        },
      ]);
    const converter = 'org.apache.kafka.connect.json.JsonConverter';
    this.config = {
      'connector.class': 'com.snowflake.kafka.connector.SnowflakeStreamingSinkConnector',
      'tasks.max': String(tasksMax),
      topics: topics.join(','),
      'snowflake.url.name': url,
      'snowflake.user.name': user,
      'snowflake.private.key': privateKey,
      'snowflake.role.name': role,
      'snowflake.database.name': database,
      'snowflake.schema.name': schema,
      // Else it reads what the connector of the source has taken back.
      'consumer.override.isolation.level': 'read_committed',
      'errors.tolerance': 'none',
      'key.converter': converter,
      'key.converter.schemas.enable': 'false',
      'value.converter': converter,
      'value.converter.schemas.enable': 'false',
    };
  }
}
