/** Units that a call has consumed. */
interface Consumed {
  readonly CapacityUnits?: number;
}

/**
 * What a batch cost in DynamoDB, as DynamoDB reported it. A call whose answer was lost or that was cancelled reports
 * nothing.
 */
export class Meter {
  calls = 0;
  writeUnits = 0;
  readUnits = 0;
  /** Attempts that met another transaction, throttling, or a newer version of an aggregate. */
  conflicts = 0;
  /**
   * Seconds since the receipts that suppressed duplicates were written or last renewed. Insert and aggregate keep no
   * time.
   */
  readonly receiptAges: number[] = [];

  call(): void {
    this.calls += 1;
  }
  read(consumed: readonly Consumed[] | undefined): void {
    for (const { CapacityUnits = 0 } of consumed ?? []) this.readUnits += CapacityUnits;
  }
  write(consumed: readonly Consumed[] | undefined): void {
    for (const { CapacityUnits = 0 } of consumed ?? []) this.writeUnits += CapacityUnits;
  }
}
