/** A request of a sender, as its scheme sees it. */
export interface WebhookRequest {
  /** The address that the sender was given, where the scheme signs it, with the query of this request. */
  readonly query: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** As it was sent: signatures are about these bytes. */
  readonly body: Uint8Array;
}
