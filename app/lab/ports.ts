/** Finds loopback ports that nobody uses. */
import { createServer } from 'node:net';
import { RingmasterError } from '../base/errors.js';

/** Can we listen there? */
export function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** How far above the first port we look before giving up. */
const reach = 400;

/**
 * The first `count` free ports from `first` upward.
 * @throws RingmasterError `host.port-in-use` when there are not enough
 */
export async function freePorts(first: number, count: number, host: string): Promise<number[]> {
  const found: number[] = [];
  for (let port = first; found.length < count; port++) {
    if (port > Math.min(65_535, first + reach))
      throw new RingmasterError('host.port-in-use', { port: first, host });
    if (await isFree(port, host)) found.push(port);
  }
  return found;
}
