import { lookup as resolve } from 'node:dns/promises';
import { isIP, type BlockList } from 'node:net';
import { AddressRefused, NameServersSilent, ResolverFailed } from '../errors.js';
import { isAllowedAddress } from './address.js';

/** All addresses of a name, as `dns.lookup` with `all`. */
export type Lookup = (host: string) => Promise<readonly { readonly address: string }[]>;

export interface Guard {
  /** Lets `http:` through. @default false */
  readonly allowHttp?: boolean;
  /** Special ranges that may be connected to. @default - none */
  readonly allowed?: BlockList;
  /** @default - the system's resolver */
  readonly lookup?: Lookup;
}

/** Where a connection goes: to one of these addresses and to no other, whatever the name says a moment later. */
export interface Destination {
  readonly url: URL;
  readonly address: string;
  /** More of its addresses, for when no connection to that one comes about, in the order of the resolver. */
  readonly others: readonly string[];
  /** The name that its certificate must have; undefined for a literal address. */
  readonly servername?: string;
}

/**
 * The URL of an endpoint. The parser has turned decimal, octal and hexadecimal hosts into addresses by now.
 *
 * @throws AddressRefused for another scheme, credentials in it, or a literal address that is not to be connected to.
 */
export function destinationUrl(text: string, { allowHttp = false, allowed }: Guard): URL {
  if (!URL.canParse(text))
    throw new AddressRefused('?', 'it is no URL; give one such as https://example.com/hooks');
  const url = new URL(text);
  const { protocol, hostname } = url;
  if (protocol !== 'https:' && !(allowHttp && protocol === 'http:'))
    throw new AddressRefused(
      hostname,
      `its scheme is '${protocol}', allowed is https:${allowHttp ? ' and http:' : ''}`,
    );
  if (url.username !== '' || url.password !== '')
    throw new AddressRefused(hostname, 'the URL holds credentials; give them as a header of the endpoint');
  const literal = literalOf(url);
  if (literal !== undefined && !isAllowedAddress(literal, allowed))
    throw new AddressRefused(hostname, notPublic);
  return url;
}

/**
 * Where a request to the URL may go, asked anew for every attempt. One answer that is not public refuses them all:
 * whoever mixes them wants one of them to be taken.
 *
 * @throws AddressRefused; NameServersSilent; ResolverFailed; what the resolver throws for a name that does not exist.
 */
export async function destinationOf(text: string, guard: Guard): Promise<Destination> {
  const url = destinationUrl(text, guard);
  const literal = literalOf(url);
  if (literal !== undefined) return { url, address: literal, others: [] };
  const addresses = (await lookedUp(url.hostname, guard.lookup ?? everyAddress)).map(
    ({ address }) => address,
  );
  const refused = addresses.find((address) => !isAllowedAddress(address, guard.allowed));
  const [address, ...others] = addresses;
  if (refused !== undefined || address === undefined) throw new AddressRefused(url.hostname, notPublic);
  return { url, address, others, servername: url.hostname };
}

const notPublic =
  'its address is of a private or special range, or it has none; only public addresses are sent to';

/** Of the host of a URL, without the brackets of IPv6. */
function literalOf({ hostname }: URL): string | undefined {
  const bare = hostname.replace(/^\[|\]$/g, '');
  return isIP(bare) === 0 ? undefined : bare;
}

const everyAddress: Lookup = (host) => resolve(host, { all: true, order: 'verbatim' });

async function lookedUp(host: string, lookup: Lookup): ReturnType<Lookup> {
  try {
    return await lookup(host);
  } catch (cause) {
    if (isAnswer(cause)) throw cause;
    const others = await lookup(elsewhere).then(() => true, isAnswer);
    if (others) throw new NameServersSilent(host, { cause });
    throw new ResolverFailed(`the resolver did not answer for '${host}'`, { cause });
  }
}

/** A name that is there, and that needs none of an endpoint's name servers. */
const elsewhere = 'amazonaws.com';

/** That a name is not there, or has no address, is said by its owner's name servers. */
function isAnswer(error: unknown): boolean {
  const { code } = Object(error) as { code?: unknown };
  return code === 'ENOTFOUND' || code === 'ENODATA';
}
