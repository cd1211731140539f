import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ClusterMemory, NodeMemory } from '../coordinator/ports.js';
import { defaultRecovery } from '../model/recovery.js';
import { fileMemory } from './lab-files.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringmaster-lab-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

const offline: NodeMemory = {
  wanted: 'offline',
  maintenance: null,
  standing: { binlog: '0-1-7', applied: '0-1-7', binlogState: '0-1-7' },
  clean: true,
  needsCopy: null,
};

it('keeps what is known of a cluster, the maintenance of a node with its reason, owner and end', async () => {
  expect(await fileMemory(folder).load()).toBeUndefined();
  const maintenance = { reason: 'new disks', owner: 'ada', sinceMs: 1_000, untilMs: 3_601_000 };
  const memory: ClusterMemory = {
    nodes: {
      db1: offline,
      db2: { ...offline, wanted: 'maintenance', maintenance },
      db3: { ...offline, wanted: 'maintenance', maintenance: { ...maintenance, untilMs: null } },
    },
    plan: null,
    series: null,
    recovery: { on: false, perHourMax: 5 },
  };
  await fileMemory(folder).save(memory);
  expect(await fileMemory(folder).load()).toEqual(memory);
});

it('reads the memory of a version that knew neither maintenance nor recovery', async () => {
  const { maintenance: _, ...older } = offline;
  await writeFile(join(folder, 'memory.json'), JSON.stringify({ nodes: { db1: older } }));
  expect(await fileMemory(folder).load()).toEqual({
    nodes: { db1: offline },
    plan: null,
    series: null,
    recovery: defaultRecovery,
  });
});

it('refuses a memory that it cannot read', async () => {
  await writeFile(join(folder, 'memory.json'), '{"nodes": {"db1": {"wanted": "asleep"}}}');
  await expect(fileMemory(folder).load()).rejects.toMatchObject({ code: 'lab.state-unreadable' });
});
