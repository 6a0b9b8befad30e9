import type * as Lambda from '@aws-sdk/client-lambda';
import { CliError } from './cli-error.js';

/**
 * Loaded when it is asked for: who names tables and queues by hand need not install it.
 *
 * @throws CliError when it is not installed
 */
export async function lambdaSdk(instead: string): Promise<typeof Lambda> {
  try {
    return await import('@aws-sdk/client-lambda');
  } catch (cause) {
    throw new CliError(
      `functions are read with the package @aws-sdk/client-lambda: npm install @aws-sdk/client-lambda, or give ${instead}`,
      { cause },
    );
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

interface ClientSettings {
  readonly region?: string;
  readonly endpoint?: string;
}

/**
 * The environment of a function. Needs the permission lambda:GetFunctionConfiguration.
 *
 * @param instead options that make it unnecessary
 * @throws CliError when there is no such function, or `@aws-sdk/client-lambda` is not installed
 */
export async function functionEnvironment(
  name: string,
  client: ClientSettings,
  instead: string,
): Promise<Environment> {
  const sdk = await lambdaSdk(instead);
  const lambda = new sdk.LambdaClient(client);
  try {
    const { Environment } = await lambda.send(
      new sdk.GetFunctionConfigurationCommand({ FunctionName: name }),
    );
    return Environment?.Variables ?? {};
  } catch (cause) {
    if (!(cause instanceof sdk.ResourceNotFoundException)) throw cause;
    throw new CliError(`there is no function '${name}' in this account and Region: check --region`, {
      cause,
    });
  } finally {
    lambda.destroy();
  }
}

/**
 * The environments of all functions of the account and Region whose names begin so. Needs the permission
 * lambda:ListFunctions.
 *
 * @throws CliError when `@aws-sdk/client-lambda` is not installed
 */
export async function* functionEnvironments(
  prefix: string,
  client: ClientSettings,
  instead: string,
): AsyncGenerator<{ readonly name: string; readonly environment: Environment }> {
  const sdk = await lambdaSdk(instead);
  const lambda = new sdk.LambdaClient(client);
  try {
    for await (const { Functions = [] } of sdk.paginateListFunctions({ client: lambda }, {}))
      for (const { FunctionName: name = '', Environment } of Functions)
        if (name.startsWith(prefix)) yield { name, environment: Environment?.Variables ?? {} };
  } finally {
    lambda.destroy();
  }
}
