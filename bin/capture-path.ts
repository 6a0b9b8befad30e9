import { join } from 'node:path';
import { Annotations, Duration, Fn, IgnoreMode } from 'aws-cdk-lib';
import { AttributeType } from 'aws-cdk-lib/aws-dynamodb';
import { Subnet, type SubnetSelection, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { Cluster, ContainerImage, ContainerInsights } from 'aws-cdk-lib/aws-ecs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { AuditSchedule, ConnectService, LakeBucket, SinkService, type DedupTable } from '../lib/index.js';
import type { CdcContext } from './cdc-context.js';
import { effectTable } from './effect-table.js';
import { entry } from './entry.js';
import { ExistingKafkaCluster } from './existing-kafka-cluster.js';

export interface CapturePathProps extends CdcContext {
  readonly dedupTable: DedupTable;
  readonly deletionProtection: boolean;
}

/** Before the names of topics. */
const topicPrefix = 'shop';
const table = 'public.payments';
const topic = `${topicPrefix}.${table}`;
const deadLetterTopic = `${topicPrefix}.dead-letters`;

/** Names under which the sinks and audits know what they are (lambdas/cdc). */
const names = { lake: 'payments-lake', iceberg: 'payments-iceberg', model: 'payments-model' } as const;

/**
 * `public.payments` of a Postgres -> Debezium in Kafka Connect, exactly-once -> MSK -> three sinks: a lake in S3, a
 * table of Iceberg beside it, and a read model in DynamoDB; and, once a day, an audit of each against the table.
 *
 * @returns outputs of the stack
 */
export function capturePath(scope: Construct, props: CapturePathProps): Record<string, string> {
  const { dedupTable, bootstrapServers, databaseHost, databaseName, systemIdentifier } = props;
  const vpc = Vpc.fromVpcAttributes(scope, 'Network', {
    vpcId: props.vpcId,
    // Nothing here asks in which zones they are.
    availabilityZones: props.subnetIds.map((_, index) => Fn.select(index, Fn.getAzs())),
  });
  const vpcSubnets: SubnetSelection = {
    subnets: props.subnetIds.map((id, index) => {
      const subnet = Subnet.fromSubnetId(scope, `Subnet${index}`, id);
      Annotations.of(subnet).acknowledgeWarning(
        '@aws-cdk/aws-ec2:noSubnetRouteTableId',
        'Nothing here asks for its routes.',
      );
      return subnet;
    }),
  };
  const cluster = new Cluster(scope, 'Programs', { vpc, containerInsightsV2: ContainerInsights.ENABLED });
  const kafkaCluster = new ExistingKafkaCluster(scope, 'Kafka', props.kafkaClusterArn);
  const databaseSecret = Secret.fromSecretCompleteArn(scope, 'CaptureSecret', props.databaseSecretArn);
  const kafka = { cluster, kafkaCluster, bootstrapServers, vpcSubnets };

  const capture = new ConnectService(scope, 'Capture', {
    ...kafka,
    image: imageOf('connect'),
    groupId: 'shop-connect',
    debeziumVersion: '3.7.0.Final',
    topicPrefix,
    tables: [table],
    databaseHost,
    databaseName,
    databaseSecret,
  });

  const lake = new LakeBucket(scope, 'Lake');
  const model = effectTable(scope, 'PaymentsModel', 'id', props.deletionProtection, AttributeType.NUMBER);
  const image = imageOf('sink');
  const sinkOf = (id: string, sinkName: string) =>
    new SinkService(scope, id, {
      ...kafka,
      image,
      sinkName,
      topics: [topic],
      deadLetterTopic,
      environment: {
        SYSTEM_IDENTIFIER: systemIdentifier,
        LAKE_BUCKET: lake.bucket.bucketName,
        MODEL_TABLE: model.tableName,
        DEDUP_TABLE: dedupTable.table.tableName,
      },
    });
  const sinks = [sinkOf('LakeSink', names.lake), sinkOf('IcebergSink', names.iceberg)];
  for (const sink of sinks) lake.grantSink(sink);
  const modelSink = sinkOf('ModelSink', names.model);
  dedupTable.grants.moveSink(modelSink, names.model);
  model.grants.actions(modelSink, 'dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem');

  const audits = Object.entries(names).map(([id, auditName]) => {
    const audit = new AuditSchedule(scope, `${id.charAt(0).toUpperCase()}${id.slice(1)}Audit`, {
      auditName,
      entry: entry('cdc/audit.ts'),
      every: Duration.days(1),
      secret: databaseSecret,
      vpc,
      vpcSubnets,
      environment: {
        DATABASE_HOST: databaseHost,
        DATABASE_NAME: databaseName,
        LAKE_BUCKET: lake.bucket.bucketName,
        MODEL_TABLE: model.tableName,
      },
    });
    if (auditName === names.model) model.grants.actions(audit, 'dynamodb:Scan');
    else lake.grantRead(audit);
    return audit;
  });
  for (const program of [capture, ...sinks, modelSink])
    Annotations.of(program).addInfo(
      'Let its security group reach the brokers on port 9098; that of the worker and of the audits the database, too.',
    );
  return {
    LakeBucketName: lake.bucket.bucketName,
    PaymentsModelTableName: model.tableName,
    CaptureServiceName: capture.service.serviceName,
    AuditFunctionNames: audits.map(({ function: { functionName } }) => functionName).join(','),
  };
}

/** Built when the stack is deployed, by Docker; at synth its files are only gathered. */
function imageOf(target: 'connect' | 'sink'): ContainerImage {
  return ContainerImage.fromAsset(join(__dirname, '..'), {
    file: 'lambdas/cdc/Dockerfile',
    target,
    platform: Platform.LINUX_ARM64,
    ignoreMode: IgnoreMode.DOCKER,
    exclude: [
      '**',
      '!package.json',
      '!package-lock.json',
      '!runtime/**',
      '!lambdas/**',
      '!targets/connect/pom.xml',
    ],
  });
}
