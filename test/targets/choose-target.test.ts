import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import { awsTarget, describeAws } from '../../targets/aws.js';
import { runCost } from '../../targets/cost.js';
import { endpointTarget } from '../../targets/endpoint.js';
import {
  CertificateFileError,
  CredentialsMissingError,
  CredentialsRefusedError,
  EndpointConfiguredError,
  EndpointUnreachableError,
  NotConfirmedError,
  StackExistsError,
  TargetOptionsError,
} from '../../targets/errors.js';
import { chooseTarget, expectNoStack } from '../../targets/index.js';
import { localUrl } from '../../targets/local-url.js';
import { embedded } from '../fixtures/embedded.js';
import { tlsProxy, type TlsProxy } from '../stack/tls-proxy.js';

const keys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
const run = promisify(execFile);
let folder: string;
let proxy: TlsProxy | undefined;
let server: Server | undefined;
const ownEnvironment = { ...process.env };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'choose-target-'));
});
afterEach(async () => {
  jest.restoreAllMocks();
  process.env = { ...ownEnvironment };
  await proxy?.stop();
  server?.close();
  proxy = server = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** An HTTP server that answers everything with one status, and says what it was asked. */
async function answering(status: number, body = ''): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const started = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.writeHead(status).end(body);
  });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(started.address() as AddressInfo).port}`, asked };
}

describe('endpoint', () => {
  test('an emulator over plain HTTP is recognised, and its account read', async () => {
    const target = await endpointTarget({ endpoint: `${embedded().endpoint}/`, environment: keys });
    expect(target).toMatchObject({
      ...{ name: 'ministack', endpoint: embedded().endpoint, account: '000000000000', region: 'us-east-1' },
      polls: 'runner',
    });
    const own = { endpoint: embedded().endpoint, environment: keys, ownMappings: true };
    expect(await endpointTarget(own)).toMatchObject({ polls: 'target' });
    expect(target.environment).toMatchObject({ ...keys, AWS_ENDPOINT_URL: embedded().endpoint });
  });

  test('over HTTPS this process and its children trust the CA that was given', async () => {
    proxy = await tlsProxy(embedded().endpoint, folder);
    const options = {
      endpoint: proxy.url,
      environment: { ...keys, PATH: process.env['PATH'] },
      home: folder,
    };
    await expect(endpointTarget(options)).rejects.toThrow(
      `${proxy.url} is not reachable (UNABLE_TO_VERIFY_LEAF_SIGNATURE): give its CA certificate with --ca FILE`,
    );
    const target = await endpointTarget({ ...options, ca: proxy.caFile });
    const sqs = new SQSClient(target.client);
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: `q-${randomUUID()}` }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'over TLS' }));
    sqs.destroy();

    const child = `fetch(process.env.AWS_ENDPOINT_URL + '/_ministack/health').then((r) => console.log(r.status))`;
    const { stdout } = await run('node', ['-e', child], { env: { ...process.env, ...target.environment } });
    expect(stdout.trim()).toBe('200');
    expect(target.environment['AWS_CA_BUNDLE']).toBe(proxy.caFile);
  });

  test('keys and certificate are read from the folder that AWS Emulator writes', async () => {
    proxy = await tlsProxy(embedded().endpoint, folder);
    const own = join(folder, '.aws', 'emulator', new URL(proxy.url).port);
    await mkdir(own, { recursive: true });
    await run('cp', [proxy.caFile, join(own, 'ca.pem')]);
    await writeFile(join(own, 'config'), '[default]\nregion = us-east-1\n');
    await writeFile(
      join(own, 'emulator_credentials'),
      '[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = secret\n',
    );
    const target = await endpointTarget({ endpoint: proxy.url, environment: {}, home: folder });
    expect(target.client.credentials).toEqual({ accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' });
    expect(target.environment['NODE_EXTRA_CA_CERTS']).toBe(join(own, 'ca.pem'));
  });

  test('a client never follows the host of the queue URL', async () => {
    const trap = await answering(500);
    const { client } = await endpointTarget({ endpoint: embedded().endpoint, environment: keys });
    const name = `q-${randomUUID()}`;
    const sqs = new SQSClient(client);
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
    const elsewhere = `${trap.url}${new URL(QueueUrl).pathname}`;
    await sqs.send(new SendMessageCommand({ QueueUrl: elsewhere, MessageBody: 'here' }));
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
    );
    expect(Attributes).toEqual({ ApproximateNumberOfMessages: '1' });
    expect(trap.asked).toEqual([]);
    sqs.destroy();

    // A client that is not told so, to show that the trap is one. The SDK warns of it.
    jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const { endpoint, useQueueUrlAsEndpoint, ...naive } = client;
    process.env['AWS_ENDPOINT_URL'] = endpoint;
    const follows = new SQSClient({ ...naive, maxAttempts: 1 });
    await expect(
      follows.send(new SendMessageCommand({ QueueUrl: elsewhere, MessageBody: 'there' })),
    ).rejects.toThrow();
    expect({ useQueueUrlAsEndpoint, asked: trap.asked.length }).toEqual({
      useQueueUrlAsEndpoint: false,
      asked: 1,
    });
    follows.destroy();
  });

  test('a stack that is there already is refused, none is fine', async () => {
    const target = await endpointTarget({ endpoint: embedded().endpoint, environment: keys });
    await expect(expectNoStack(target, `none-${randomUUID()}`)).resolves.toBeUndefined();
    const other = await answering(200, '<StackStatus>CREATE_COMPLETE</StackStatus>');
    await expect(expectNoStack({ ...target, endpoint: other.url }, 'Shop')).rejects.toThrow(StackExistsError);
  });

  test('what is missing is said in one sentence', async () => {
    const { endpoint } = embedded();
    await expect(endpointTarget({ endpoint, environment: {}, home: folder })).rejects.toThrow(
      CredentialsMissingError,
    );
    const gone = await answering(200);
    server?.close();
    server = undefined;
    await expect(endpointTarget({ endpoint: gone.url, environment: keys })).rejects.toThrow(
      EndpointUnreachableError,
    );
    const refusing = await answering(403);
    await expect(endpointTarget({ endpoint: refusing.url, environment: keys })).rejects.toThrow(
      CredentialsRefusedError,
    );
    const missing = join(folder, 'ca.pem');
    await expect(endpointTarget({ endpoint, ca: missing, environment: keys })).rejects.toThrow(
      `${missing}, given as the CA certificate, cannot be read: give a PEM file with --ca`,
    );
    await writeFile(missing, 'no certificate');
    await expect(endpointTarget({ endpoint, ca: missing, environment: keys })).rejects.toThrow(
      CertificateFileError,
    );
  });

  test.each([
    [
      'https://a1b2.execute-api.us-east-1.amazonaws.com/payments?x=1',
      'http://e:1/_aws/execute-api/a1b2/payments?x=1',
    ],
    ['https://a1b2.lambda-url.us-east-1.on.aws/', 'http://e:1/_aws/lambda-url/a1b2/'],
    [
      'http://a1b2.execute-api.localhost.localstack.cloud:4566/live/x',
      'http://e:1/_aws/execute-api/a1b2/live/x',
    ],
    ['https://example.com/x', undefined],
  ])('%s is called at the address that resolves', (deployed, local = deployed) => {
    expect(localUrl('http://e:1', deployed)).toBe(local);
  });
});

describe('aws', () => {
  const noChain = {
    ...{
      AWS_CONFIG_FILE: '/dev/null',
      AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
      AWS_EC2_METADATA_DISABLED: 'true',
    },
    AWS_REGION: 'eu-west-1',
  };
  const identify = () => Promise.resolve('123456789012');
  const typing = (answer: string | undefined) => {
    const input = Object.assign(new PassThrough(), { isTTY: answer !== undefined });
    input.end(answer);
    return { input, output: new PassThrough() };
  };

  test('has no endpoint, and takes away one that the caller has', () => {
    const credentials = () => Promise.resolve({ accessKeyId: 'a', secretAccessKey: 's' });
    const target = describeAws({ account: '123456789012', region: 'eu-west-1', credentials });
    expect(target).not.toHaveProperty('endpoint');
    expect(target.client).toEqual({ region: 'eu-west-1', credentials, useQueueUrlAsEndpoint: false });
    expect(Object.keys(target.environment).filter((name) => name.startsWith('AWS_ENDPOINT'))).toEqual([]);
    expect(target.polls).toBe('target');
    const url = 'https://a1b2.execute-api.eu-west-1.amazonaws.com/';
    expect(target.httpUrl(url)).toBe(url);
  });

  test.each(['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_SQS'])('%s is refused', async (variable) => {
    process.env = { ...noChain, ...keys, [variable]: embedded().endpoint };
    await expect(awsTarget({ yes: true, messages: 1, log: jest.fn(), identify })).rejects.toThrow(
      EndpointConfiguredError,
    );
  });

  test('no credentials in the whole chain is one sentence', async () => {
    process.env = { ...noChain };
    await expect(chooseTarget({ target: 'aws', yes: true, messages: 1 })).rejects.toThrow(
      CredentialsMissingError,
    );
  });

  test.each([
    ['y\n', true],
    ['yes\n', true],
    ['n\n', false],
    ['\n', false],
    ['', false],
    [undefined, false],
  ])('the answer %j is a yes: %j', async (answer, agreed) => {
    process.env = { ...noChain, ...keys };
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    const asked = awsTarget({ yes: false, messages: 1000, log, identify, terminal: typing(answer) });
    if (agreed) expect(await asked).toMatchObject({ name: 'aws', account: '123456789012' });
    else await expect(asked).rejects.toThrow(NotConfirmedError);
    expect(lines.join()).toMatch(
      /account 123456789012, eu-west-1: the run costs at most \$0\.\d\d \(1000 messages/,
    );
  });

  test('the cost grows with the messages', () => {
    // A plain addition of the price list: 1 + 1.5 + 3 + 0.8 + 0.67 + 10 + 0.5 + 1.5 dollars a million, and 30 % for
    // the faults.
    expect(runCost(1_000_000)).toBeCloseTo(24.66, 1);
    expect(runCost(2000)).toBeCloseTo(2 * runCost(1000), 10);
  });
});

test.each([
  [{ target: 'endpoint' }, 'needs --endpoint URL'],
  [{ target: 'aws', endpoint: 'http://e' }, '--endpoint goes with --target endpoint'],
  [{ target: 'endpoint', endpoint: '127.0.0.1:4566' }, 'must be a URL'],
  [
    { target: 'endpoint', endpoint: 'http://e', ca: 'f' },
    '--ca goes with an endpoint that begins with https://',
  ],
  [{ target: 'embedded', ownMappings: true }, '--own-mappings goes with --target endpoint'],
  [{ target: 'embedded', yes: true }, '--yes goes with --target aws'],
] as const)('flags that do not go together: %j', async (options, message) => {
  const chosen = chooseTarget({ yes: false, messages: 1, ...options });
  await expect(chosen).rejects.toThrow(TargetOptionsError);
  await expect(chosen).rejects.toThrow(message);
});
