import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { AccountError } from '../../../targets/account/account-error.js';
import { awsCall } from '../../../targets/account/aws-call.js';
import { readCommand } from '../../../targets/account/cdk-command.js';
import { preflight } from '../../../targets/account/preflight.js';
import { binFolder, packageRoot } from '../../../targets/package-root.js';
import { embedded } from '../../fixtures/embedded.js';

const target = embedded();
const before = { ...process.env };
beforeEach(() => {
  Object.assign(process.env, target.environment);
});
afterEach(() => {
  process.env = { ...before };
});

/** A script as npm runs it, with nothing of the caller's in its environment. */
function script(name: string, environment: Record<string, string | undefined>, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    join(binFolder, 'tsx'),
    [join('targets', 'account', `${name}.ts`), ...args],
    {
      cwd: packageRoot,
      encoding: 'utf8',
      env: {
        PATH: target.environment['PATH'],
        AWS_CONFIG_FILE: '/dev/null',
        AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
        AWS_EC2_METADATA_DISABLED: 'true',
        ...environment,
      },
    },
  );
  return { status, stdout, stderr };
}

const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

describe.each(['deploy', 'destroy'])('npm run %s ends with one sentence and code 2 when', (name) => {
  test.each<[string, Record<string, string>, string]>([
    ['no Region is set', {}, 'no AWS Region is set: set AWS_REGION, or give the profile a region\n'],
    [
      'there are no credentials',
      { AWS_DEFAULT_REGION: 'eu-west-1' },
      'no usable AWS credentials (Could not load credentials from any providers): run "aws configure" or "aws sso login", or set AWS_PROFILE\n',
    ],
    [
      'nobody answers',
      { ...credentials, AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: 'http://127.0.0.1:2' },
      'http://127.0.0.1:2 does not answer (connect ECONNREFUSED 127.0.0.1:2): check the connection and the Region, which is eu-west-1\n',
    ],
  ])('%s', (_, environment, stderr) => {
    expect(script(name, environment)).toEqual({ status: 2, stdout: '', stderr });
  });

  test('the account is not bootstrapped', () => {
    const qualifier = '@aws-cdk/core:bootstrapQualifier=nobody';
    expect(script(name, target.environment, '-c', qualifier)).toEqual({
      status: 2,
      stdout: '',
      stderr: `account ${target.account} is not bootstrapped in us-east-1: run "npx cdk bootstrap aws://${target.account}/us-east-1" once\n`,
    });
  });
});

test('a bootstrapped account is taken, with who calls', async () => {
  const qualifier = `q${randomUUID().slice(0, 8)}`;
  const caller = { ...target.client };
  await expect(preflight(process.env, qualifier)).rejects.toThrow(AccountError);
  await awsCall(
    caller,
    'ssm',
    { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'AmazonSSM.PutParameter' },
    JSON.stringify({ Name: `/cdk-bootstrap/${qualifier}/version`, Value: '29', Type: 'String' }),
  );
  await expect(preflight(process.env, qualifier)).resolves.toMatchObject({
    id: target.account,
    region: 'us-east-1',
    caller: expect.stringContaining('arn:aws:'),
  });
});

describe('credentials that AWS refuses', () => {
  let server: Server;
  beforeEach(async () => {
    // What STS answers to an access key that was deleted; no local engine refuses one.
    server = createServer((_, answer) => {
      answer.writeHead(403, { 'content-type': 'text/xml' });
      answer.end(
        '<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message></Error></ErrorResponse>',
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => server.close());

  test('are told from a network that does not answer', async () => {
    const { port } = server.address() as AddressInfo;
    const environment = { ...process.env, AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` };
    await expect(preflight(environment, 'hnb659fds')).rejects.toThrow(
      'AWS refuses the credentials (InvalidClientTokenId): renew them with "aws configure" or "aws sso login"',
    );
  });
});

describe('the command line', () => {
  test.each([
    [['--profile', 'live', '--force'], 'live', ['--force']],
    [['-c', 'disposable=true', '--profile=live'], 'live', ['-c', 'disposable=true']],
    [['--force'], 'inherited', ['--force']],
  ])('%j: the profile is for the SDK and the CLI, the rest for the CLI', (args, profile, options) => {
    expect(readCommand(args, { AWS_PROFILE: 'inherited' })).toMatchObject({
      environment: { AWS_PROFILE: profile },
      options,
      qualifier: 'hnb659fds',
    });
  });

  test('a profile without a name is refused', () => {
    expect(() => readCommand(['--profile'], {})).toThrow('--profile needs a name: give one of ~/.aws/config');
  });
});
