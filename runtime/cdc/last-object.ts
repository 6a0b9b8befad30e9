import type { LoadedS3 } from './s3-client.js';
import { folderOf, objectName, startOf } from './s3-names.js';
import type { TopicPartition } from './source.js';

/**
 * The name of the last object of a partition. S3 lists forwards only: the space of offsets is halved instead, so that
 * a partition of a million objects costs some dozens of requests, and not a thousand pages.
 */
export async function lastObject(
  { client, sdk }: LoadedS3,
  {
    bucket,
    prefix,
    partition,
  }: { readonly bucket: string; readonly prefix: string; readonly partition: TopicPartition },
): Promise<string | undefined> {
  const Prefix = folderOf(prefix, partition);
  /** One of the first two objects beyond a name, and whether there are no more. */
  const after = async (StartAfter: string | undefined) => {
    const { Contents = [], IsTruncated = false } = await client.send(
      new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix, StartAfter, MaxKeys: 2 }),
    );
    const names = Contents.flatMap(({ Key }) => Key ?? []);
    return { name: names.at(-1), isLast: !IsTruncated };
  };
  const first = await after(undefined);
  let last = first.name;
  if (last === undefined || first.isLast) return last;
  // There is an object at `low`, and none beyond `high`.
  let low = startOf(last);
  let high = 2n ** 63n;
  let step = 1_000n;
  while (low < high) {
    const half = (low + high) / 2n;
    const middle = low + step < half ? low + step : half;
    const found = await after(objectName(prefix, partition, middle));
    if (found.name === undefined) {
      high = middle;
      step = high;
      continue;
    }
    last = found.name;
    if (found.isLast) return last;
    low = startOf(last);
    step *= 4n;
  }
  return last;
}
