/** A lab in a folder of its own, for scripts that need a cluster to work on and leave nothing behind. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog } from '../../app/base/log.js';
import { runsAsRoot } from '../../app/lab/folders.js';
import { type Lab, openLab } from '../../app/lab/lab.js';
import { freePorts } from '../../app/lab/ports.js';
import { buildAll } from '../build.js';
import { prepareOrExit } from '../prepare.js';
import { labPrograms } from './programs.js';

export interface OwnLab {
  readonly lab: Lab;
  readonly folder: string;
  /** Stops it; `keep` leaves the folder for somebody to look at. */
  close(options?: { readonly keep: boolean }): Promise<void>;
}

/** Builds and prepares what a lab needs, and resolves when three active nodes are ready. */
export async function openOwnLab(name: string, firstPort: number, connections: number): Promise<OwnLab> {
  await Promise.all([buildAll(), prepareOrExit('lab')]);
  const folder = await mkdtemp(join(runsAsRoot() ? '/var/lib' : tmpdir(), `ringmaster-${name}-`));
  const [port = firstPort] = await freePorts(firstPort, 1, '127.0.0.1');
  const lab = await openLab({
    folder,
    nodes: 3,
    active: 3,
    port,
    connections,
    recovery: false,
    programs: labPrograms,
    log: createLog('lab', join(folder, 'lab.log')),
  });
  const close = async ({ keep } = { keep: false }) => {
    await lab.close();
    if (!keep) await rm(folder, { recursive: true, force: true });
  };
  try {
    await lab.ready;
    return { lab, folder, close };
  } catch (error) {
    await close();
    throw error;
  }
}
