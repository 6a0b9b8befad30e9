/** What a sink's process is told. */
export interface SinkOrder {
  readonly kind: SinkKind;
  readonly servers: string;
  /** Folder of the compiled client of Kafka. */
  readonly client: string;
  readonly topics: readonly string[];
  readonly systemId: string;
  /** Of a batch. */
  readonly rows: number;
  readonly s3: S3Place;
  /** Connection string of the read model. */
  readonly model: string;
}

export interface S3Place {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly bucket: string;
}

export const sinkKinds = ['read model', 'S3 lake', 'Iceberg'] as const;
export type SinkKind = (typeof sinkKinds)[number];

/** Before the names of what the sinks put into the bucket. */
export const lakePrefix = 'lake/';
export const icebergPrefix = 'iceberg/changes/';

export const topicPrefix = 'shop';
export const topics = { payments: 'shop.public.payments', accounts: 'shop.public.accounts' } as const;
