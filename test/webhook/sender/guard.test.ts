import { createServer, type AddressInfo, type Server } from 'node:net';
import { AddressRefused, destinationOf, isAllowedAddress } from '../../../runtime/webhook/sender/index.js';
import { Poster } from '../../../runtime/webhook/sender/post.js';
import { verdictOf } from '../../../runtime/webhook/sender/verdict.js';
import { rangesOf } from '../../../runtime/webhook/sender/guard/address.js';

/** Spellings of addresses that nobody outside may have this side connect to. */
const literals = [
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '2130706433',
  '0x7f000001',
  '0x7f.0.0.1',
  '0x7f.1',
  '0177.0.0.1',
  '017700000001',
  '127.0.0.1.',
  '１２７.0.0.1',
  '127。0。0。1',
  '0',
  '0.0.0.0',
  '10.0.0.1',
  '10.255.255.255',
  '167772161',
  '100.64.0.1',
  '100.127.255.254',
  '169.254.169.254',
  '169.254.170.2',
  '0xa9fea9fe',
  '2852039166',
  '0251.0376.0251.0376',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.1',
  '0xc0a80001',
  '198.18.0.1',
  '198.51.100.7',
  '203.0.113.7',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::127.0.0.1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::ffff:a9fe:a9fe]',
  '[::ffff:0:169.254.169.254]',
  '[64:ff9b::a9fe:a9fe]',
  '[64:ff9b::10.0.0.1]',
  '[64:ff9b:1::a9fe:a9fe]',
  '[2002:7f00:1::]',
  '[2002:a9fe:a9fe::1]',
  '[2001::1]',
  '[2001:0:4136:e378:8000:63bf:3fff:fdd2]',
  '[2001:db8::1]',
  '[3fff::1]',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[fe80::1]',
  '[fec0::1]',
  '[ff02::1]',
  '[100::1]',
  '[5f00::1]',
];

test.each(literals)('https://%s/ is refused before anything is looked up', async (host) => {
  const lookup = jest.fn(() => Promise.resolve([{ address: '93.184.215.14' }]));
  await expect(destinationOf(`https://${host}/hooks`, { lookup })).rejects.toThrow(AddressRefused);
  expect(lookup).not.toHaveBeenCalled();
});

test.each([
  'http://example.com/',
  'ftp://example.com/',
  'file:///etc/passwd',
  'https://user:pw@example.com/',
  'no url',
])('%s is refused', async (url) => {
  const lookup = () => Promise.resolve([{ address: '93.184.215.14' }]);
  await expect(destinationOf(url, { lookup })).rejects.toThrow(AddressRefused);
});

test.each([
  ['a private address', ['10.0.0.1']],
  ['a mapped one', ['::ffff:169.254.169.254']],
  ['a public and a private one', ['93.184.215.14', '127.0.0.1']],
  ['one with a zone', ['fe80::1%eth0']],
  ['none', []],
])('a name that has %s is refused', async (_, addresses) => {
  const lookup = () => Promise.resolve(addresses.map((address) => ({ address })));
  await expect(destinationOf('https://hooks.example/', { lookup })).rejects.toThrow(AddressRefused);
});

test.each(['localhost', 'LOCALHOST.', 'ip6-localhost'])(
  '%s is refused by what it resolves to',
  async (host) => {
    await expect(destinationOf(`https://${host}/`, {})).rejects.toThrow();
  },
);

test('public addresses pass, and a range that is allowed passes and no other', () => {
  for (const address of [
    '1.1.1.1',
    '93.184.215.14',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '2a00:1450::1',
  ])
    expect([address, isAllowedAddress(address)]).toEqual([address, true]);
  const allowed = rangesOf(['10.1.0.0/16', 'fd00::/16']);
  expect(isAllowedAddress('10.1.2.3', allowed)).toBe(true);
  expect(isAllowedAddress('10.2.2.3', allowed)).toBe(false);
  expect(isAllowedAddress('fd00::7', allowed)).toBe(true);
  expect(isAllowedAddress('::ffff:10.2.2.3', allowed)).toBe(false);
});

test('a name that changes between the check and the connection is connected to where it was checked', async () => {
  // One port on two addresses of this machine: what is behind each says which one was reached.
  const reached: string[] = [];
  const listen = (host: string, port: number) =>
    new Promise<Server>((resolve) => {
      const server = createServer((socket) => {
        reached.push(host);
        socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n');
      });
      server.listen(port, host, () => resolve(server));
    });
  const checked = await listen('127.0.0.2', 0);
  const { port } = checked.address() as AddressInfo;
  const inside = await listen('127.0.0.3', port);
  let asked = 0;
  const poster = new Poster(
    {
      allowHttp: true,
      allowed: rangesOf(['127.0.0.2/32']),
      lookup: () => Promise.resolve([{ address: (asked += 1) === 1 ? '127.0.0.2' : '127.0.0.3' }]),
    },
    { timeoutMs: 2_000, maxAnswerBytes: 100 },
  );
  const post = () => poster.post({ url: `http://rebinding.example:${port}/`, headers: {}, body: '{}' });
  expect(await post()).toMatchObject({ status: 204 });
  expect(await post()).toMatchObject({ error: expect.any(AddressRefused) });
  expect(reached).toEqual(['127.0.0.2']);
  expect(asked).toBe(2);
  poster.close();
  checked.close();
  inside.close();
});

test.each([
  ['that refuses connections', '127.0.0.2'],
  // Of a network that nobody has: there is no route to it, or nothing ever comes back.
  ['that does not answer', '192.0.2.1'],
])('a name with an address %s: another one of it is taken, and the request is sent once', async (_, dead) => {
  let reached = 0;
  const server = createServer((socket) => {
    reached += 1;
    socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const addresses = (...list: string[]) => ({
    allowHttp: true,
    allowed: rangesOf(['127.0.0.0/8', '192.0.2.0/24']),
    lookup: () => Promise.resolve(list.map((address) => ({ address }))),
  });
  const url = `http://hooks.example:${port}/`;
  const limits = { timeoutMs: 5_000, maxAnswerBytes: 100 };
  const poster = new Poster(addresses(dead, '127.0.0.1'), limits);
  expect(await poster.post({ url, headers: {}, body: '{}' })).toMatchObject({ status: 204 });
  expect(reached).toBe(1);
  poster.close();
  server.close();
  const down = new Poster(addresses('127.0.0.2', dead), limits);
  const attempted = await down.post({ url, headers: {}, body: '{}' });
  // Its own refusal is told, not that there is no route to the rest of it.
  expect(verdictOf(attempted)).toMatchObject({ kind: 'failed' });
  down.close();
});

test('the host of the URL goes with the request, though the connection goes to its address', async () => {
  const heads: string[] = [];
  const server = createServer((socket) => {
    socket.on('data', (data) => {
      heads.push(data.toString());
      socket.end('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const poster = new Poster(
    {
      allowHttp: true,
      allowed: rangesOf(['127.0.0.0/8']),
      lookup: () => Promise.resolve([{ address: '127.0.0.1' }]),
    },
    { timeoutMs: 2_000, maxAnswerBytes: 100 },
  );
  await poster.post({ url: `http://hooks.example:${port}/a?b=1`, headers: {}, body: '{}' });
  expect(heads[0]).toMatch(new RegExp(`^POST /a\\?b=1 HTTP/1.1\r\n[^]*host: hooks.example:${port}\r\n`, 'i'));
  poster.close();
  server.close();
});
