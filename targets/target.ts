export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where a stack runs and how to reach it. The same deployment, tests and audit take any target. */
export interface Target {
  /** What the reports call it, such as `embedded`. */
  readonly name: string;
  /** Base URL of every service, without a trailing slash. Undefined on AWS, where each service has its own. */
  readonly endpoint?: string;
  readonly region: string;
  readonly account: string;
  /**
   * Who plays the SQS event source mappings. `runner`: this project's, and the stack is deployed with its mappings
   * disabled. `target`: the target itself, and no runner may be started.
   */
  readonly polls: 'runner' | 'target';
  /**
   * Spread into every SDK client. Each of `endpoint` and `useQueueUrlAsEndpoint: false` keeps the SQS client of the
   * JavaScript SDK from following the host of the QueueUrl, which can be the real AWS.
   */
  readonly client: {
    endpoint?: string;
    region: string;
    /** A function where they are renewed during a run. */
    credentials: Credentials | (() => Promise<Credentials>);
    useQueueUrlAsEndpoint: false;
  };
  /**
   * Environment variables for child processes: endpoint, credentials, region, and Node 24 first on the PATH. Spread
   * it over the caller's own: undefined removes a variable.
   */
  readonly environment: Record<string, string | undefined>;
  /** Settles when the target has ended: with an error unless `stop` ended it. Absent where nobody is told. */
  readonly ended?: Promise<Error | undefined>;
  /** The address to call for a URL that CloudFormation printed: the host names in it may not resolve here. */
  httpUrl(deployedUrl: string): string;
  /** Ends what the target started and removes what it left on disk. May be called more than once. */
  stop(): Promise<void>;
}

/** A target with one address for every service. */
export interface EndpointTarget extends Target {
  readonly endpoint: string;
  readonly client: Omit<Target['client'], 'credentials'> & { endpoint: string; credentials: Credentials };
}
