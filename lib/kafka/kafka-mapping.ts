import { Fn, Validations } from 'aws-cdk-lib';
import { PolicyStatement, type IRole } from 'aws-cdk-lib/aws-iam';
import {
  EventSourceMapping,
  type IFunction,
  SourceAccessConfigurationType,
  StartingPosition,
  type SourceAccessConfiguration,
} from 'aws-cdk-lib/aws-lambda';
import { KafkaDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { Construct } from 'constructs';
import { KafkaAuthentication, type KafkaConsumerProps } from './kafka-consumer-props.js';
import { defaults } from './kafka-consumer-values.js';

/** The mapping of a topic. Its permissions have to be there first: Lambda tries them when it is made. */
export function kafkaMapping(
  scope: Construct,
  target: IFunction,
  props: KafkaConsumerProps,
): EventSourceMapping {
  const { onDemand = false, onFailureTopic, minimumPollers = 1, maximumPollers, clusterArn } = props;
  const access = accessOf(props);
  return new EventSourceMapping(scope, 'Mapping', {
    target,
    ...(clusterArn === undefined
      ? { kafkaBootstrapServers: props.bootstrapServers }
      : { eventSourceArn: clusterArn }),
    kafkaTopic: props.topic,
    kafkaConsumerGroupId: props.consumerGroupId ?? props.consumerName,
    ...(access.length > 0 && { sourceAccessConfigurations: access }),
    startingPosition: props.startingPosition ?? StartingPosition.TRIM_HORIZON,
    batchSize: props.batchSize ?? defaults.batchSize,
    maxBatchingWindow: props.maxBatchingWindow,
    enabled: props.enabled,
    ...(!onDemand && {
      provisionedPollerConfig: { minimumPollers, maximumPollers },
      reportBatchItemFailures: true,
      bisectBatchOnError: props.bisectBatchOnError,
      retryAttempts: props.retryAttempts,
      maxRecordAge: props.maxRecordAge,
      ...(onFailureTopic !== undefined && { onFailure: new KafkaDlq(onFailureTopic) }),
    }),
  });
}

export function acknowledgeNoDestination(mapping: EventSourceMapping): void {
  Validations.of(mapping).acknowledge({
    id: 'Serverless-LambdaEventSourceMappingDestination',
    reason:
      'Nothing is given up by the mapping: it tries for ever, and the consumer dead-letters records one by one.',
  });
}

/** @see https://docs.aws.amazon.com/lambda/latest/api/API_SourceAccessConfiguration.html */
function accessOf(props: KafkaConsumerProps): SourceAccessConfiguration[] {
  const { clusterArn, secret, authentication, rootCACertificate, clusterVpc, clusterSecurityGroup } = props;
  const of = (type: string, uri: string) => ({ type: SourceAccessConfigurationType.of(type), uri });
  const signIn = clusterArn === undefined ? authentication : undefined;
  return [
    ...(secret === undefined ? [] : [of(signIn ?? KafkaAuthentication.SASL_SCRAM_512, secret.secretArn)]),
    ...(rootCACertificate === undefined
      ? []
      : [of('SERVER_ROOT_CA_CERTIFICATE', rootCACertificate.secretArn)]),
    ...(clusterVpc
      ?.selectSubnets(props.clusterSubnets)
      .subnetIds.map((id) => of('VPC_SUBNET', `subnet:${id}`)) ?? []),
    ...(clusterSecurityGroup === undefined
      ? []
      : [of('VPC_SECURITY_GROUP', `security_group:${clusterSecurityGroup.securityGroupId}`)]),
  ];
}

/**
 * What the mapping does in the function's name: find the cluster and its network, and read this topic in this group.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-msk-permissions.html
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/kafka-actions.html
 */
export function grantTopic(role: IRole, props: KafkaConsumerProps): void {
  const { clusterArn, secret, clusterVpc, topic, onFailureTopic } = props;
  for (const one of [secret, props.rootCACertificate]) one?.grantRead(role);
  if (clusterArn !== undefined) {
    allow(
      role,
      ['kafka:DescribeCluster', 'kafka:DescribeClusterV2', 'kafka:GetBootstrapBrokers'],
      [clusterArn],
    );
    if (secret === undefined) {
      const named = (kind: string, name: string) =>
        `${Fn.join(`:${kind}/`, Fn.split(':cluster/', clusterArn, 2))}/${name}`;
      const group = named('group', props.consumerGroupId ?? props.consumerName);
      allow(
        role,
        ['kafka-cluster:Connect', 'kafka-cluster:DescribeClusterDynamicConfiguration'],
        [clusterArn],
      );
      allow(role, ['kafka-cluster:DescribeTopic', 'kafka-cluster:ReadData'], [named('topic', topic)]);
      allow(role, ['kafka-cluster:DescribeGroup', 'kafka-cluster:AlterGroup'], [group]);
      if (onFailureTopic !== undefined)
        allow(
          role,
          ['kafka-cluster:DescribeTopic', 'kafka-cluster:WriteData'],
          [named('topic', onFailureTopic)],
        );
    } else allow(role, ['kafka:ListScramSecrets'], [clusterArn]);
  }
  if (clusterArn === undefined && clusterVpc === undefined) return;
  allow(
    role,
    [
      'ec2:CreateNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeVpcs',
      'ec2:DeleteNetworkInterface',
      'ec2:DescribeSubnets',
      'ec2:DescribeSecurityGroups',
    ],
    ['*'],
  );
  Validations.of(role).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'Lambda makes network interfaces for its pollers, whose names are not known.',
  });
}

function allow(role: IRole, actions: string[], resources: string[]): void {
  role.addToPrincipalPolicy(new PolicyStatement({ actions, resources }));
}
