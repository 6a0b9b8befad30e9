import type { ConsumedCapacity } from '@aws-sdk/client-dynamodb';

/** What a batch cost in DynamoDB, as DynamoDB reported it. A call whose answer was lost or that was cancelled reports nothing. */
export class Meter {
  calls = 0;
  writeUnits = 0;
  readUnits = 0;

  call(): void {
    this.calls += 1;
  }
  read(consumed: readonly ConsumedCapacity[] | undefined): void {
    for (const { CapacityUnits = 0 } of consumed ?? []) this.readUnits += CapacityUnits;
  }
  write(consumed: readonly ConsumedCapacity[] | undefined): void {
    for (const { CapacityUnits = 0 } of consumed ?? []) this.writeUnits += CapacityUnits;
  }
}
