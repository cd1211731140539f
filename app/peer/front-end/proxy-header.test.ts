import { expect, it } from 'vitest';
import { proxyHeader } from './proxy-header.js';

it.each([
  ['10.0.0.5', '10.0.0.1', 'PROXY TCP4 10.0.0.5 10.0.0.1 50000 3306\r\n'],
  ['::ffff:10.0.0.5', '::ffff:10.0.0.1', 'PROXY TCP4 10.0.0.5 10.0.0.1 50000 3306\r\n'],
  ['fe80::5%eth0', 'fe80::1', 'PROXY TCP6 fe80::5 fe80::1 50000 3306\r\n'],
  ['10.0.0.5', 'fe80::1', 'PROXY UNKNOWN\r\n'],
  [undefined, '10.0.0.1', 'PROXY UNKNOWN\r\n'],
])('says that %s came to %s', (remoteAddress, localAddress, line) => {
  const ends = { remoteAddress, localAddress, remotePort: 50_000, localPort: 3306 };
  expect(proxyHeader(ends).toString()).toBe(line);
});
