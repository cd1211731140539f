/** What each peer of the lab is told when it starts. */
import { join } from 'node:path';
import type { PeerSettings, SqlAddress } from '../contract/control.js';
import { type NodeName, serverId } from '../model/ids.js';
import { runsAsRoot } from './folders.js';
import type { LabAccounts } from './lab-files.js';
import type { LabRing } from './lab-ring.js';

const bufferPoolMegabytes = 64;
/** Sessions of applications through the one address; each server takes as many. */
export const frontSessionsMax = 1000;

/** Which node it is, and where its server and its front end listen. */
export interface NodePlace {
  readonly name: NodeName;
  /** From 1. */
  readonly number: number;
  readonly sql: SqlAddress;
  readonly frontEnd: SqlAddress;
}

/** The settings of the peer of a node. @param labFolder everything of the node lives in a folder of its name there */
export function peerSettings(
  labFolder: string,
  accounts: LabAccounts,
  { name, number, sql, frontEnd }: NodePlace,
  ring: LabRing,
): PeerSettings {
  const folder = join(labFolder, name);
  return {
    node: name,
    serverId: serverId(number),
    folder,
    sql,
    ...accounts,
    controlSocket: join(folder, 'peer.sock'),
    runAs: runsAsRoot() ? 'mysql' : null,
    bufferPoolMegabytes,
    cpuQuotaCores: null,
    logFile: join(folder, 'peer.log'),
    endsWithParent: true,
    ring: ring.settingsOf(number),
    frontEnd: { ...frontEnd, sessionsMax: frontSessionsMax },
  };
}
