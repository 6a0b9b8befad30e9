/** What no construct of this package gives, whatever its settings. */
export const notGuaranteed: readonly string[] = [
  'Effects outside the transaction (a mail, a card charge, a call of another service). With `once` they are made by one at a time, and an unknown outcome is yours to decide.',
  'That every message succeeds. One that cannot is a dead letter with its reason, or stops its group; it expires with the retention of its queue.',
  'Copies that come later than the stated times, or after somebody has deleted receipts, or rows that are receipts, or has restored a table from a backup without docs/runbook/restore.md.',
  'Handlers that are not made by the functions of `exactly-once-aws`, and other writers of the same rows.',
  'Order on a Standard queue, unless the producer numbers its events and the consumer is of the AGGREGATE way.',
  'One table written from two Regions: both would accept the same message.',
  'Prices and capacity: list prices of us-east-1, and nothing said of limits of the account.',
];

/** Where the app has not written down the names that what is stored hangs on. */
export const namesUnchecked =
  'That nobody renames a consumer, an API, a table or a channel, or its construct id, and so forgets what was stored: put `"exactly-once-aws:names": {}` into the context of cdk.json, and the synth says what to write there, and stops at each rename from then on.';
