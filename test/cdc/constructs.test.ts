import { Match, Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Cluster, ContainerImage } from 'aws-cdk-lib/aws-ecs';
import {
  ConnectWorker,
  DebeziumConnector,
  LakeBucket,
  SinkService,
  SnowflakeConnector,
  type DebeziumConnectorProps,
} from '../../lib/index.js';
import { assertDebezium } from '../../runtime/cdc/index.js';
import { constructStack, refusal } from '../fixtures/construct-stack.js';

const connector = (given: Partial<DebeziumConnectorProps> = {}) =>
  new DebeziumConnector({
    debeziumVersion: '3.7.0.Final',
    topicPrefix: 'shop',
    tables: ['public.payments', 'public.accounts'],
    databaseHost: 'db',
    databaseName: 'shop',
    databaseUser: 'debezium',
    databasePassword: '${secretsManager:shop/debezium:password}',
    ...given,
  });

describe('the bucket of a lake', () => {
  test('refuses what puts without the condition, whatever its role may do, and keeps its objects', () => {
    const stack = constructStack();
    new LakeBucket(stack, 'Lake');
    const template = Template.fromStack(stack);
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: 'Deny',
            Principal: { AWS: '*' },
            Action: 's3:PutObject',
            NotResource: { 'Fn::Join': ['', [Match.anyValue(), '/*/metadata/version-hint.text']] },
            Condition: {
              Null: { 's3:if-none-match': 'true' },
              Bool: { 's3:ObjectCreationOperation': 'true' },
            },
          }),
        ]),
      },
    });
    template.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      Properties: {
        // What somebody deleted, and no current object.
        LifecycleConfiguration: {
          Rules: [
            {
              NoncurrentVersionExpiration: { NoncurrentDays: 30 },
              ExpiredObjectDeleteMarker: true,
              Status: 'Enabled',
            },
          ],
        },
        VersioningConfiguration: { Status: 'Enabled' },
      },
    });
  });

  test('a cleanup of Iceberg may delete data, manifests and lists, and nothing else', () => {
    const stack = constructStack();
    const role = new Role(stack, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    new LakeBucket(stack, 'Lake').grantCleanup(role);
    const [policy] = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy'));
    const { Statement } = (policy?.Properties as { PolicyDocument: { Statement: object[] } }).PolicyDocument;
    const [deleting, ...others] = Statement.filter((one) => JSON.stringify(one).includes('Delete'));
    expect(others).toEqual([]);
    expect(JSON.stringify(deleting)).toMatch(/"\/\*\/data\/\*\.parquet".*"\/\*\/metadata\/\*\.avro"/);
  });

  test('a sink may put, read and list; nobody is let delete', () => {
    const stack = constructStack();
    const cluster = new Cluster(stack, 'Cluster', { vpc: new Vpc(stack, 'Vpc') });
    const image = ContainerImage.fromRegistry('sink');
    const service = new SinkService(stack, 'Sink', { sinkName: 'lake', cluster, image });
    new LakeBucket(stack, 'Lake').grantSink(service);
    const template = Template.fromStack(stack);
    const policies = JSON.stringify(template.findResources('AWS::IAM::Policy'));
    for (const action of ['s3:PutObject', 's3:GetObject', 's3:ListBucket'])
      expect(policies).toContain(action);
    expect(policies).not.toContain('Delete');
    template.hasResourceProperties('AWS::ECS::TaskDefinition', {
      ContainerDefinitions: [
        Match.objectLike({ Environment: [{ Name: 'EXACTLY_ONCE_SINK', Value: 'lake' }], StopTimeout: 60 }),
      ],
    });
    // The new task runs before the old one ends: two at once are harmless.
    template.hasResourceProperties('AWS::ECS::Service', {
      DeploymentConfiguration: Match.objectLike({ MinimumHealthyPercent: 100, MaximumPercent: 200 }),
    });
  });

  test('a sink without a fixed name is refused', () => {
    const stack = constructStack();
    const cluster = new Cluster(stack, 'Cluster', { vpc: new Vpc(stack, 'Vpc') });
    const image = ContainerImage.fromRegistry('sink');
    const { violations } = refusal(() => new SinkService(stack, 'Sink', { sinkName: 'a b', cluster, image }));
    expect(violations.map(({ id }) => id)).toEqual(['sink-name']);
  });
});

describe('a connector of Debezium', () => {
  test('says what the sinks need: ordinals, exact numbers, no TRUNCATE, and a source that is exactly-once', () => {
    expect(connector().config).toMatchObject({
      'exactly.once.support': 'required',
      'provide.transaction.metadata': 'true',
      'decimal.handling.mode': 'string',
      'skipped.operations': 't',
      'offset.mismatch.strategy': 'trust_offset',
      'table.include.list': 'public\\.payments,public\\.accounts',
      'value.converter.schemas.enable': 'false',
    });
    expect(new ConnectWorker({ bootstrapServers: 'b:9098', groupId: 'cdc' }).config).toMatchObject({
      'exactly.once.source.support': 'enabled',
      'offset.storage.replication.factor': '3',
      'scheduled.rebalance.max.delay.ms': '0',
    });
  });

  test.each([
    ...['3.6.1.Final', '3.7.0.CR1', '3.7.0.Beta1', '2.9.9.Final', '3.7', '', 'latest'],
    ...['3.7.0.Final', '3.7.1.Final', '3.8.0.Alpha1', '3.10.0.Final', '4.0.0.Final'],
  ])('of version %s is accepted at synth exactly when the sinks accept its records', (debeziumVersion) => {
    let accepted = true;
    try {
      assertDebezium(debeziumVersion);
    } catch {
      accepted = false;
    }
    if (accepted) expect(() => connector({ debeziumVersion })).not.toThrow();
    else
      expect(refusal(() => connector({ debeziumVersion })).violations.map(({ id }) => id)).toEqual([
        'debezium-loses-rows',
      ]);
  });

  test('everything that is wrong is said at once', () => {
    const wrong = {
      debeziumVersion: '3.5.2.Final',
      tables: ['payments'],
      databasePassword: 'secret',
      slotName: 'A',
    };
    const { violations, message } = refusal(() => connector(wrong));
    expect(violations.map(({ id }) => id)).toEqual([
      'debezium-loses-rows',
      'tables-named',
      'password-by-reference',
      'slot-name',
    ]);
    expect(message).not.toContain('secret,');
  });
});

test('Snowflake is read committed, through version 4 of its connector', () => {
  const props = {
    topics: ['shop.public.payments'],
    url: 'org-account.snowflakecomputing.com',
    user: 'kafka',
    privateKey: '${secretsManager:shop/snowflake:key}',
    role: 'kafka',
    database: 'shop',
    schema: 'cdc',
  };
  expect(new SnowflakeConnector({ ...props, connectorVersion: '4.1.0' }).config).toMatchObject({
    'connector.class': 'com.snowflake.kafka.connector.SnowflakeStreamingSinkConnector',
    'consumer.override.isolation.level': 'read_committed',
  });
  const old = refusal(() => new SnowflakeConnector({ ...props, connectorVersion: '3.2.0' }));
  expect(old.message).toContain('4.0.0 or later');
});
