/**
 * TLS between peers: version 1.2 with a pre-shared key (RFC 4279, 5489, 7905). There are no certificates to make, to
 * hand round and to renew: whoever has the cluster's key is a peer, and both sides prove it in the handshake.
 *
 * The one cipher is ECDHE-PSK-CHACHA20-POLY1305. Node's OpenSSL knows a dozen PSK ciphers, but Electron's BoringSSL
 * only this one and two in CBC mode, and an embedded peer runs under Electron. It is the one to want anyway:
 * authenticated encryption, and what was recorded stays secret when the key leaks later. (TLS 1.3 would do too, but
 * Node offers PSK callbacks up to 1.2 only.)
 *
 * Inside a session TLS refuses records that are repeated or missing; a session cannot be repeated, because both sides
 * put new random numbers into it. Resumption is off: every connection proves the key anew.
 */
import { constants, hkdfSync } from 'node:crypto';
import { BlockList, isIP, isIPv6 } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { invariant, RingmasterError } from '../../base/errors.js';
import { type Endpoint, formatEndpoint } from './options.js';

/** What both sides set. `satisfies` keeps the literal types that tls asks for. */
export const tlsSettings = {
  ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const satisfies SecureContextOptions;

const keyBytesMin = 32;

/** The key of the ring's connections: other uses of the cluster's key never meet the same bytes. */
export function deriveRingKey(clusterKey: Uint8Array): Buffer {
  invariant(clusterKey.length >= keyBytesMin, 'the key of the cluster is too short');
  return Buffer.from(hkdfSync('sha256', clusterKey, '', 'ringmaster ring transport', keyBytesMin));
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Can this address be reached from this machine only? A host name cannot be known to be one. */
const isLoopback = (host: string): boolean =>
  isIP(host) !== 0 && loopback.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');

/** @throws ring.unprotected when a key is missing and one of the addresses is not loopback */
export function assertProtected(key: Uint8Array | null, endpoints: readonly Endpoint[]): void {
  if (key !== null) return;
  const open = endpoints.find(({ host }) => !isLoopback(host));
  if (open) throw new RingmasterError('ring.unprotected', { address: formatEndpoint(open) });
}

/**
 * Does this failure of a handshake say that the keys differ? Different keys give different secrets, so the first
 * encrypted record does not decrypt: one side finds that out, the other one is sent the alert. OpenSSL and BoringSSL
 * name it differently.
 */
export function isKeyMismatch(error: Error): boolean {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return /BAD_RECORD_MAC|BAD_DECRYPT|DECRYPT_ERROR|DECRYPTION_FAILED/.test(code);
}
