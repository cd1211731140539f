/** The lab's own files: who runs it, its accounts, and what the coordinator remembers. */
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf, RingmasterError } from '../base/errors.js';
import { randomHex } from '../base/random.js';
import type { ClusterMemory, MemoryStore } from '../coordinator/ports.js';
import { replaceFile } from '../io/replace-file.js';
import { maintenanceSchema } from '../model/maintenance.js';
import { targetStateSchema } from '../model/node-state.js';
import type { Plan } from '../model/plan.js';
import { defaultRecovery, recoverySettingsSchema } from '../model/recovery.js';
import type { Series } from '../model/series.js';
import { runsAsRoot } from './folders.js';

const accountSchema = z.object({ user: z.string(), password: z.string() });
const accountsSchema = z.object({
  admin: accountSchema,
  replication: accountSchema,
  application: accountSchema.extend({ database: z.string() }),
});
/** The accounts of every server of the lab; made once, readable by the owner only. */
export type LabAccounts = z.infer<typeof accountsSchema>;

const hasState = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'state' in value && 'title' in value;
const standingSchema = z.object({ binlog: z.string(), applied: z.string(), binlogState: z.string() });
const memorySchema = z.object({
  nodes: z.record(
    z.string(),
    z.object({
      wanted: targetStateSchema,
      // Memories of before there was maintenance lack it.
      maintenance: maintenanceSchema.nullable().default(null),
      standing: standingSchema.nullable(),
      clean: z.boolean(),
      needsCopy: z.string().nullable(),
    }),
  ),
  // Written and read by ourselves; a console of another version shows what it knows of them.
  plan: z.custom<Plan>(hasState).nullable().default(null),
  series: z.custom<Series>(hasState).nullable().default(null),
  recovery: recoverySettingsSchema.default(defaultRecovery),
});

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

/**
 * Reads a JSON file of ours.
 * @returns undefined when there is none
 * @throws RingmasterError `lab.state-unreadable`
 */
export async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new RingmasterError('lab.state-unreadable', { path, cause: messageOf(error) }, { cause: error });
  }
}

/** Makes the lab's folder, or says who cannot reach it. @throws RingmasterError `host.path-denied` */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    // The servers of a lab that root runs belong to another user, who must be able to pass.
    if (runsAsRoot()) await chmod(folder, 0o755);
  } catch (error) {
    throw new RingmasterError('host.path-denied', {
      path: folder,
      host: 'this machine',
      cause: messageOf(error),
    });
  }
}

/** The accounts of the lab, made on first use. */
export async function loadAccounts(folder: string): Promise<LabAccounts> {
  const path = join(folder, 'accounts.json');
  const known = await readJson(path, accountsSchema);
  if (known) return known;
  const accounts: LabAccounts = {
    admin: { user: 'ringmaster', password: randomHex(16) },
    replication: { user: 'ringmaster_replication', password: randomHex(16) },
    application: { user: 'bank', password: randomHex(8), database: 'bank' },
  };
  await replaceFile(path, JSON.stringify(accounts, null, 2));
  return accounts;
}

/** What the coordinator remembers, in one JSON file. */
export function fileMemory(folder: string): MemoryStore {
  const path = join(folder, 'memory.json');
  return {
    load: () => readJson<ClusterMemory>(path, memorySchema),
    save: (memory) => replaceFile(path, JSON.stringify(memory, null, 2)),
  };
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/** Folders that this process holds: a lock with our own number may also be left from an earlier life. */
const held = new Set<string>();

/**
 * Takes the folder for this process. A lock whose process is gone is taken over.
 * @returns what releases it
 * @throws RingmasterError `lab.locked`
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'lab.pid');
  if (held.has(path)) throw new RingmasterError('lab.locked', { pid: process.pid, folder });
  for (;;) {
    try {
      await writeFile(path, `${process.pid}`, { flag: 'wx' });
      held.add(path);
      return async () => {
        held.delete(path);
        await rm(path, { force: true });
      };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
        throw new RingmasterError('host.path-denied', {
          path: folder,
          host: 'this machine',
          cause: messageOf(error),
        });
      }
      const pid = Number(await readFile(path, 'utf8').catch(() => '0'));
      if (pid > 0 && pid !== process.pid && isAlive(pid))
        throw new RingmasterError('lab.locked', { pid, folder });
      await rm(path, { force: true });
    }
  }
}
