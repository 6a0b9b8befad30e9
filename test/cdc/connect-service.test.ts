import { Script } from 'node:vm';
import { Size, type Stack } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster } from 'aws-cdk-lib/aws-ecs';
import { ConnectService, type ConnectServiceProps } from '../../lib/index.js';
import { connectWorkerSettings } from '../../runtime/cdc/connect/index.js';
import { connectProps } from '../fixtures/connect-service.js';
import { constructStack, refusal } from '../fixtures/construct-stack.js';

function serviceIn(stack: Stack, given: Partial<ConnectServiceProps> = {}): ConnectService {
  const cluster = new Cluster(stack, 'Cluster', { vpc: new Vpc(stack, 'Vpc', { maxAzs: 2 }) });
  return new ConnectService(stack, 'Capture', { ...connectProps(stack, { cluster }), ...given });
}

interface Container {
  readonly Environment: readonly { readonly Name: string; readonly Value: unknown }[];
  readonly Secrets: readonly { readonly Name: string; readonly ValueFrom: string }[];
  readonly HealthCheck: { readonly Command: readonly string[] };
}

function containerOf(template: Template): Container {
  const [task] = Object.values(template.findResources('AWS::ECS::TaskDefinition'));
  return (task?.Properties as { ContainerDefinitions: Container[] }).ContainerDefinitions[0]!;
}

describe('with the least that it can be told', () => {
  const stack = constructStack();
  const service = serviceIn(stack);
  const template = Template.fromStack(stack);
  const { Environment, Secrets, HealthCheck } = containerOf(template);

  test('workers are told all that their program reads: exactly-once, IAM, and the connector by reference to the secret', () => {
    const variables = Object.fromEntries([
      ...Environment.map(({ Name, Value }) => [Name, String(Value)] as const),
      // As ECS resolves them.
      ...Secrets.map(({ Name }) => [Name, `the ${Name}`] as const),
    ]);
    const settings = connectWorkerSettings(variables);
    expect(settings.worker).toMatchObject({
      'bootstrap.servers': 'b-1:9098,b-2:9098',
      'group.id': 'cdc',
      'exactly.once.source.support': 'enabled',
      'sasl.mechanism': 'AWS_MSK_IAM',
      'producer.sasl.mechanism': 'AWS_MSK_IAM',
      'admin.security.protocol': 'SASL_SSL',
      'config.providers.env.param.allowlist.pattern': 'EXACTLY_ONCE_DATABASE_[A-Z]+',
      listeners: 'http://0.0.0.0:8083',
    });
    expect(settings).toMatchObject({
      connector: 'shop',
      slot: 'exactly_once',
      database: { host: 'db.example', port: 5432, password: 'the EXACTLY_ONCE_DATABASE_PASSWORD' },
    });
    expect(settings.config).toEqual(service.connector.config);
    expect(settings.config).toMatchObject({
      'exactly.once.support': 'required',
      'database.user': '${env:EXACTLY_ONCE_DATABASE_USER}',
      'database.password': '${env:EXACTLY_ONCE_DATABASE_PASSWORD}',
      'topic.creation.default.replication.factor': '3',
    });
    expect(Secrets.map(({ ValueFrom }) => ValueFrom)).toEqual([
      expect.stringMatching(/:secret:shop\/debezium-abcdef:username::$/),
      expect.stringMatching(/:secret:shop\/debezium-abcdef:password::$/),
    ]);
  });

  test('a deployment replaces one worker after the other, and only one that has joined its group is healthy', () => {
    template.hasResourceProperties('AWS::ECS::Service', {
      DesiredCount: 2,
      DeploymentConfiguration: Match.objectLike({ MinimumHealthyPercent: 100, MaximumPercent: 150 }),
    });
    expect(HealthCheck.Command.slice(0, 3)).toEqual(['CMD', 'node', '-e']);
    expect(HealthCheck.Command[3]).toContain('http://127.0.0.1:8083/health');
    expect(() => new Script(HealthCheck.Command[3] ?? '')).not.toThrow();
  });

  test('its REST API is reached by its own workers alone, and by no load balancer', () => {
    const ingress = Object.values(template.findResources('AWS::EC2::SecurityGroupIngress'));
    const [group] = Object.keys(template.findResources('AWS::EC2::SecurityGroup'));
    const itself = { 'Fn::GetAtt': [group, 'GroupId'] };
    expect(ingress.map(({ Properties }) => Properties as object)).toEqual([
      expect.objectContaining({
        FromPort: 8083,
        ToPort: 8083,
        GroupId: itself,
        SourceSecurityGroupId: itself,
      }),
    ]);
    expect(
      Object.values(template.findResources('AWS::EC2::SecurityGroup'))[0]?.Properties,
    ).not.toHaveProperty('SecurityGroupIngress');
    template.resourceCountIs('AWS::ElasticLoadBalancingV2::LoadBalancer', 0);
    template.resourceCountIs('AWS::ECS::Service', 1);
  });

  test('workers may do in Kafka what exactly-once source support needs, for their own topics and transactions', () => {
    const policies = JSON.stringify(template.findResources('AWS::IAM::Policy'));
    for (const name of [
      'topic/shop/1a2b-3/cdc-configs',
      'topic/shop/1a2b-3/cdc-offsets',
      'topic/shop/1a2b-3/cdc-status',
      'topic/shop/1a2b-3/shop.*',
      'topic/shop/1a2b-3/__debezium-heartbeat.shop',
      'group/shop/1a2b-3/cdc',
      'transactional-id/shop/1a2b-3/connect-cluster-cdc',
      'transactional-id/shop/1a2b-3/cdc-shop-*',
    ])
      expect(policies).toContain(name);
    expect(policies).toContain('kafka-cluster:WriteDataIdempotently');
    expect(policies).not.toMatch(/kafka-cluster:(\*|Delete|AlterCluster)/);
  });

  test('alarms tell of a failed connector, and of a slot that is not read or keeps too much, also when nobody tells', () => {
    const alarms = Object.entries(template.findResources('AWS::CloudWatch::Alarm')).map(
      ([id, { Properties }]) =>
        [id, Properties as { TreatMissingData: string; AlarmDescription: string }] as const,
    );
    expect(alarms.map(([id]) => id.replace(/[0-9A-F]{8}$/, '')).sort()).toEqual([
      'CaptureAlarmsFailed',
      'CaptureAlarmsSlotInactive',
      'CaptureAlarmsSlotLag',
      'CaptureDown',
    ]);
    for (const [, { TreatMissingData }] of alarms) expect(TreatMissingData).toBe('breaching');
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: 'slotLagBytes',
      Threshold: 10 * 1024 ** 3,
      Dimensions: [{ Name: 'connector', Value: 'shop' }],
    });
    template.resourceCountIs('AWS::Logs::MetricFilter', 4);
  });
});

test('a limit of the log that the slot keeps is an alarm at that limit', () => {
  const stack = constructStack();
  serviceIn(stack, { maxSlotLag: Size.gibibytes(2), workers: 3 });
  const template = Template.fromStack(stack);
  template.hasResourceProperties('AWS::CloudWatch::Alarm', {
    MetricName: 'slotLagBytes',
    Threshold: 2 * 1024 ** 3,
  });
  // Rounded down by ECS: 4 of 3.
  template.hasResourceProperties('AWS::ECS::Service', {
    DeploymentConfiguration: Match.objectLike({ MaximumPercent: 134 }),
  });
});

test('everything that is wrong is said at once, a Debezium that can lose rows with it', () => {
  const { violations, constructClass } = refusal(() =>
    serviceIn(constructStack(), {
      groupId: 'a b',
      workers: 0,
      debeziumVersion: '3.6.1.Final',
      tables: ['payments'],
    }),
  );
  expect(constructClass).toBe('ConnectService');
  expect(violations.map(({ id }) => id)).toEqual([
    'group-id',
    'workers-in-range',
    'debezium-loses-rows',
    'tables-named',
  ]);
});
