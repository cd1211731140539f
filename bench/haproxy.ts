/** HAProxy as people put it before such clusters: TCP mode, one thread. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { systemClock, waitFor } from '../app/base/clock.js';
import { findProgram } from '../scripts/support/run.js';
import { endsWithUs } from './child.js';

export interface HaproxyOptions {
  /** Where its configuration is written. */
  readonly folder: string;
  readonly port: number;
  readonly servers: readonly { readonly port: number }[];
  readonly balance: 'leastconn' | 'roundrobin';
}

const configuration = ({ port, servers, balance }: HaproxyOptions): string => `global
  nbthread 1
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  option clitcpka
  option srvtcpka
listen mysql
  bind 127.0.0.1:${port}
  balance ${balance}
${servers.map((server, index) => `  server s${index + 1} 127.0.0.1:${server.port} check`).join('\n')}
`;

/** Starts it in the foreground as our child. @returns the call that ends it */
export async function startHaproxy(options: HaproxyOptions): Promise<() => Promise<void>> {
  const file = join(options.folder, `haproxy-${options.port}.cfg`);
  await writeFile(file, configuration(options));
  const child = spawn(findProgram('haproxy') ?? 'haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  const stop = endsWithUs(child);
  const listens = await waitFor(
    systemClock,
    async () => ((await answers(options.port)) ? true : child.exitCode === null ? undefined : false),
    { everyMs: 50, timeoutMs: 10_000 },
  );
  if (listens) return stop;
  await stop();
  throw new Error(`haproxy did not start on port ${options.port}`);
}

/** Does something accept connections there? */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
