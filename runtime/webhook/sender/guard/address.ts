import { BlockList, isIP } from 'node:net';

type Family = 'ipv4' | 'ipv6';

/**
 * What an IPv4 address must not be of: the special-purpose registry of IANA, with multicast and the reserved rest.
 *
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry/
 */
const special4: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];

/**
 * All that is routed is in here. Outside of it are loopback, IPv4-mapped and -compatible addresses, NAT64
 * (64:ff9b::/96 and 64:ff9b:1::/48), unique local ones (with AWS's fd00:ec2::254) and link-local ones.
 *
 * @see https://www.iana.org/assignments/ipv6-address-space/
 */
const global6 = '2000::/3';

/** Special ranges inside the routed one: 2001::/23 has Teredo, ORCHID and benchmarking; 2002::/16 is 6to4. */
const special6: readonly string[] = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const special = rangesOf([...special4, ...special6]);
const routed = rangesOf([global6]);

/**
 * Ranges as `address/prefix`.
 *
 * @throws RangeError for one that is none.
 */
export function rangesOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix = ''] = range.split('/');
    const family = familyOf(address);
    if (family === undefined || !/^\d{1,3}$/.test(prefix))
      throw new RangeError(`'${range}' is no range; write it as 10.0.0.0/8 or fd00::/8`);
    list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

/**
 * Whether a parsed address may be connected to. By range and never by its text: one address has many spellings.
 *
 * @param allowed ranges that may be connected to although they are special
 */
export function isAllowedAddress(address: string, allowed?: BlockList): boolean {
  const family = familyOf(address);
  // A zone (`fe80::1%eth0`) is of this machine's own network only.
  if (family === undefined || address.includes('%')) return false;
  if (allowed?.check(address, family)) return true;
  return family === 'ipv4'
    ? !special.check(address, family)
    : routed.check(address, family) && !special.check(address, family);
}

function familyOf(address: string): Family | undefined {
  const version = isIP(address);
  return version === 0 ? undefined : version === 4 ? 'ipv4' : 'ipv6';
}
