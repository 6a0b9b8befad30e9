import { Resource } from 'aws-cdk-lib';
import type { ClusterReference, IClusterRef } from 'aws-cdk-lib/aws-msk';
import type { Construct } from 'constructs';

/** A cluster of MSK that somebody else has made. */
export class ExistingKafkaCluster extends Resource implements IClusterRef {
  readonly clusterRef: ClusterReference;

  constructor(scope: Construct, id: string, clusterArn: string) {
    super(scope, id, { environmentFromArn: clusterArn });
    this.clusterRef = { clusterArn };
  }
}
