/** What a peer answers to each method of the control protocol (app/contract/control.ts). */
import { messageOf, RingmasterError } from '../base/errors.js';
import type { MethodHandlers } from '../contract/control.js';
import { checksumTables } from '../io/mariadb/checksums.js';
import { CopyReceiver, copyStallMs, sendCopy } from '../io/mariadb/copy.js';
import { dataBytes } from '../io/mariadb/data-size.js';
import { readPosition } from '../io/mariadb/replication.js';
import { closeSessions, countSessions } from '../io/mariadb/sessions.js';
import { comparisonHandlers } from './comparing.js';
import type { Peer } from './peer.js';

type HandlersOf<Prefix extends string> = {
  readonly [Name in keyof MethodHandlers as Name extends `${Prefix}.${string}`
    ? Name
    : never]: MethodHandlers[Name];
};

/** @param end ends the peer process after the answer is on its way */
export function peerHandlers(peer: Peer, end: () => void): MethodHandlers {
  return {
    'peer.status': () => peer.refresh(),
    'peer.end': ({ stopServer }) =>
      peer.exclusively(async () => {
        if (stopServer) await stopServerCleanly(peer);
        end();
        return null;
      }),
    ...serverHandlers(peer),
    ...replicationHandlers(peer),
    ...sessionHandlers(peer),
    ...copyHandlers(peer),
    ...dataHandlers(peer),
    ...comparisonHandlers(peer),
    ...ringHandlers(peer),
  };
}

/** How long the applier may take for what was received before the server is stopped. Milliseconds. */
const drainMs = 20_000;

/**
 * Stops the server so that nothing which was acknowledged can be missing when it is back. No commit gets its OK any more;
 * sessions that wait for an acknowledgement would hold the stop up, so they are woken; and what was received is applied,
 * because the next start throws relay logs away. Where that takes too long the end of the data is not certain.
 */
export async function stopServerCleanly(peer: Peer): Promise<void> {
  if (peer.server.status.kind === 'running')
    await peer.withAdmin(async (admin) => {
      void peer.engine.ordered?.queue.close();
      await admin.query('SET GLOBAL rpl_semi_sync_master_enabled = OFF');
      await peer.replication.drainRelayLog(admin, AbortSignal.timeout(drainMs)).catch((thrown: unknown) => {
        peer.tools.log.warn({ cause: messageOf(thrown) }, 'stopped before everything received was applied');
        peer.tailUncertain = true;
      });
    });
  await peer.server.stop();
  await peer.quota.remove();
}

function serverHandlers(peer: Peer): HandlersOf<'server'> {
  return {
    'server.initialise': (_params, { signal }) =>
      peer.exclusively(async () => {
        await peer.server.initialise(signal);
        await peer.announce();
        return null;
      }),
    'server.start': (_params, { signal }) =>
      peer.exclusively(async () => {
        peer.holdBack();
        await peer.server.start(signal);
        peer.binlogs.forget();
        await peer.withAdmin((admin) => peer.replication.mendPosition(admin));
        await peer.applyQuota();
        return peer.announce();
      }),
    'server.stop': () =>
      peer.exclusively(async () => {
        if (peer.server.status.kind === 'running') await peer.refresh();
        await stopServerCleanly(peer);
        return null;
      }),
    'server.configure': ({ options }) =>
      peer.exclusively(async () => {
        const { ownOptions, status } = peer.server;
        if (status.kind !== 'running') return await ownOptions.change(options, null);
        return await peer.withAdmin((admin) => ownOptions.change(options, admin));
      }),
    'server.set-read-only': async ({ readOnly }) => {
      await peer.withAdmin((admin) => admin.query(`SET GLOBAL read_only = ${readOnly ? 'ON' : 'OFF'}`));
      await peer.announce();
      return null;
    },
    'server.set-lossless': async ({ lossless }) => {
      await peer.withAdmin((admin) =>
        admin.query(`SET GLOBAL rpl_semi_sync_master_enabled = ${lossless ? 'ON' : 'OFF'}`),
      );
      return null;
    },
    'server.set-quota': ({ cores }) => {
      peer.wantedQuotaCores = cores;
      return peer.applyQuota();
    },
  };
}

function replicationHandlers(peer: Peer): HandlersOf<'replication'> {
  const { replication } = peer;
  return {
    'replication.follow': async (params, { signal }) => {
      const follow = await peer.withAdmin((admin) => replication.follow(admin, params, signal));
      await peer.announce();
      return follow;
    },
    'replication.stop': async (_params, { signal }) => {
      await peer.withAdmin((admin) => replication.stop(admin, signal));
      await peer.announce();
      return null;
    },
    'replication.freeze': async () => {
      await peer.withAdmin((admin) => replication.freeze(admin));
      await peer.announce();
      return null;
    },
    'replication.unfreeze': async () => {
      await peer.withAdmin((admin) => replication.unfreeze(admin));
      await peer.announce();
      return null;
    },
    'replication.drain-relay-log': (_params, { signal }) =>
      peer.withAdmin(async (admin) => {
        await replication.drainRelayLog(admin, signal);
        return readPosition(admin, await peer.binlogs.oldestPosition());
      }),
    'replication.wait-for': (params, context) =>
      peer.withAdmin(async (admin) => {
        await replication.waitFor(admin, params, context);
        return readPosition(admin, await peer.binlogs.oldestPosition());
      }),
    'replication.apply-until': (params, context) =>
      peer.withAdmin(async (admin) => {
        await replication.applyUntil(admin, params, context);
        return readPosition(admin, await peer.binlogs.oldestPosition());
      }),
  };
}

function sessionHandlers(peer: Peer): HandlersOf<'sessions'> {
  return {
    'sessions.count': () =>
      peer.withAdmin(async (admin) => ({ sessions: await countSessions(admin, peer.settings) })),
    'sessions.place': async (places) => {
      peer.engine.place(places);
      return null;
    },
    'sessions.close': async ({ deadlineSeconds }, context) => {
      const { clock } = peer.tools;
      const deadlineMs = clock.monotonicMs() + deadlineSeconds * 1000;
      const { moved, ended } = await peer.engine.leaveNode(deadlineSeconds * 1000);
      // Those that came past the front end, and all of them where no other node takes sessions.
      const leftSeconds = Math.max(0, deadlineMs - clock.monotonicMs()) / 1000;
      const closed = await peer.withAdmin((admin) =>
        closeSessions(admin, peer.settings, { clock, deadlineSeconds: leftSeconds, context }),
      );
      return { moved, closed: ended + closed };
    },
  };
}

function copyHandlers(peer: Peer): HandlersOf<'copy'> {
  const { settings, folder, copies } = peer;
  const tools = { ...peer.tools, settings, folder, stallMs: copyStallMs };
  return {
    'copy.receive': ({ expectedBytes }) =>
      peer.exclusively(async () => {
        await peer.receiver?.cancel();
        peer.receiver = await CopyReceiver.open(tools, expectedBytes);
        return { address: peer.receiver.address, token: peer.receiver.token };
      }),
    'copy.received': async (_params, context) => {
      const receiver = peer.receiver;
      if (!receiver)
        throw new RingmasterError('snapshot.failed', {
          donor: 'the donor',
          joiner: settings.node,
          cause: 'no copy is awaited',
        });
      try {
        return { bytes: await receiver.received(context) };
      } finally {
        if (peer.receiver === receiver) peer.receiver = null;
      }
    },
    'copy.send': async ({ to, token, parallel }, context) => {
      const { binlogState } = await peer.withAdmin((admin) => readPosition(admin, ''));
      const expectedBytes = (await dataBytes(peer.tools.host, folder.data)) ?? 0;
      const bytes = await sendCopy(tools, { to, token, parallel, expectedBytes }, context);
      return { bytes, binlogState };
    },
    'copy.prepare': (_params, { signal }) =>
      peer.exclusively(async () => {
        const position = await copies.prepare(signal);
        await peer.announce();
        return { position };
      }),
    'copy.swap': () =>
      peer.exclusively(async () => {
        requireStopped(peer);
        await copies.swap();
        await peer.server.dataChanged();
        await peer.announce();
        return null;
      }),
    'copy.set-position': async ({ position, donorBinlogState }) => {
      await peer.withAdmin((admin) => peer.replication.setPosition(admin, position, donorBinlogState));
      peer.binlogs.forget();
      await peer.announce();
      return null;
    },
    'copy.discard': () =>
      peer.exclusively(async () => {
        if (await copies.isSwapped()) requireStopped(peer);
        await peer.receiver?.cancel();
        peer.receiver = null;
        await copies.discard();
        await peer.server.dataChanged();
        await peer.announce();
        return null;
      }),
    'copy.accept': () =>
      peer.exclusively(async () => {
        await copies.accept();
        return null;
      }),
  };
}

function dataHandlers(peer: Peer): HandlersOf<'data'> & HandlersOf<'disk'> {
  const { folder, tools } = peer;
  return {
    'disk.space': async () => ({
      freeBytes: await tools.host.freeBytes(folder.root),
      dataBytes: (await dataBytes(tools.host, folder.data)) ?? 0,
    }),
    'data.checksums': (_params, context) =>
      peer.withAdmin((admin) => checksumTables(admin, tools.clock, context)),
  };
}

function ringHandlers(peer: Peer): HandlersOf<'ring'> {
  return {
    'ring.copied': async ({ lineage }) => {
      await peer.ring?.copied(lineage);
      return null;
    },
    'ring.serve': async () => {
      peer.serve();
      return null;
    },
    'ring.leave': async () => (await peer.ring?.leave()) ?? { agreed: true },
    'ring.rejoin': async () => {
      peer.ring?.rejoin();
      return null;
    },
    'ring.submit': async ({ payload }) => {
      peer.ring?.submit(payload);
      return null;
    },
  };
}

/** @throws server.still-running unless the server is stopped */
function requireStopped(peer: Peer): void {
  const { kind } = peer.server.status;
  if (kind !== 'stopped' && kind !== 'no-data')
    throw new RingmasterError('server.still-running', { node: peer.settings.node });
}
