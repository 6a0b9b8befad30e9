/** Where a stack runs and how to reach it. The same deployment, tests and audit take any target. */
export interface Target {
  /** What the reports call it, such as `embedded`. */
  readonly name: string;
  /** Base URL of every service, without a trailing slash. */
  readonly endpoint: string;
  readonly region: string;
  readonly account: string;
  /**
   * Spread into every SDK client. `endpoint` is given in code because the SQS client of the JavaScript SDK
   * otherwise follows the host of the QueueUrl, which can be the real AWS.
   */
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  /** Environment variables for child processes: endpoint, credentials, region, and Node 24 first on the PATH. */
  readonly environment: Record<string, string>;
  /** The address to call for a URL that CloudFormation printed: the host names in it may not resolve here. */
  httpUrl(deployedUrl: string): string;
  /** Ends what the target started and removes what it left on disk. May be called more than once. */
  stop(): Promise<void>;
}
