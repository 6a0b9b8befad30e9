import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { paymentCommand } from '../../drive/payment-command.js';
import { describeEmbedded } from '../../targets/embedded/index.js';

test('a shell sends the payment, signed by whom the emulator knows', async () => {
  const seen: { path?: string; key?: unknown; authorization?: string; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const { authorization, 'idempotency-key': key } = request.headers;
      seen.push({ path: request.url, key, authorization, body });
      response.writeHead(202).end('taken');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const target = describeEmbedded(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const command = paymentCommand(target, 'http://abc.execute-api.localhost:4566/');
  const { stdout } = await promisify(execFile)('bash', ['-c', command.join('\n')]);
  await new Promise((resolve) => server.close(resolve));
  expect(stdout).toContain('202');
  expect(seen).toEqual([
    {
      path: '/_aws/execute-api/abc/payments',
      key: 'my-1',
      authorization: expect.stringContaining(`Credential=${target.client.credentials.accessKeyId}/`),
      body: '{"customer":"00001","purchasedOn":"1997-01-01","cds":1,"cents":1177}',
    },
  ]);
});

test('credentials of an account are not printed', () => {
  const command = paymentCommand(
    {
      region: 'eu-west-1',
      client: { region: 'eu-west-1', credentials: () => Promise.reject(new Error('asked')) },
      httpUrl: (url) => url,
    } as Parameters<typeof paymentCommand>[0],
    'https://abc.execute-api.eu-west-1.amazonaws.com',
  );
  expect(command[0]).toContain('--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"');
});
