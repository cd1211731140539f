/**
 * The PROXY protocol, version 1: tells the node where the client really comes from, so that the host part of accounts
 * means the client's host and not this one. The node believes it from addresses in `proxy_protocol_networks` only.
 * Source: haproxy, doc/proxy-protocol.txt, section 2.1.
 */

/** Where a connection comes from and where it arrived. */
export interface ConnectionEnds {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/**
 *   "PROXY" SP "TCP4" | "TCP6" SP client SP server SP client's port SP server's port CR LF
 * @returns the line to be sent before anything else; one that says "not known" where an address is missing
 */
export function proxyHeader(ends: ConnectionEnds): Buffer {
  const from = plain(ends.remoteAddress);
  const to = plain(ends.localAddress);
  const sameFamily = from?.includes(':') === to?.includes(':');
  if (!from || !to || !sameFamily || !ends.remotePort || !ends.localPort)
    return Buffer.from('PROXY UNKNOWN\r\n');
  const family = from.includes(':') ? 'TCP6' : 'TCP4';
  return Buffer.from(`PROXY ${family} ${from} ${to} ${ends.remotePort} ${ends.localPort}\r\n`, 'latin1');
}

/** IPv4 as it is written alone, where a socket for both families shows it inside IPv6; without a zone. */
const plain = (address: string | undefined): string | undefined =>
  address?.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
