/** What went wrong, of whatever was thrown, for a sentence that already says what was being done. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
