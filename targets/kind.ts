/** What answers for a target. An emulator that is not recognised is an `endpoint`. */
export const targetKinds = ['embedded', 'ministack', 'localstack', 'endpoint', 'aws'] as const;
export type TargetKind = (typeof targetKinds)[number];
