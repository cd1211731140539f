import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RingPeerSettings } from '../../contract/control.js';
import { RingStore } from './store.js';

const settings: RingPeerSettings = {
  cluster: 'test',
  member: 2,
  data: 'none',
  key: '00'.repeat(32),
  members: [],
  founders: [
    { member: 1, life: 11, arbiter: false },
    { member: 2, life: 22, arbiter: false },
  ],
  timings: { expelAfterMs: 250, probeAfterMs: 10 },
};
let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringmaster-test-ring-'));
  path = join(folder, 'ring.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function loaded(changes: Partial<RingPeerSettings> = {}) {
  const store = new RingStore(path);
  try {
    return await store.load({ ...settings, ...changes });
  } finally {
    await store.close();
  }
}

async function written(promises: readonly number[]) {
  const store = new RingStore(path);
  const durable = await store.load(settings);
  for (const promised of promises) await store.write({ ...durable, promised });
  await store.close();
}

describe('the store of promises', () => {
  it('gives a founder the life and the view that the others expect', async () => {
    const durable = await loaded();
    expect(durable.life).toBe(22);
    expect(durable.primary?.members.map(({ id, life }) => [id, life])).toEqual([
      [1, 11],
      [2, 22],
    ]);
  });

  it('draws a life for everybody else, once', async () => {
    const first = await loaded({ founders: null });
    expect(first.life).toBeGreaterThan(0);
    expect(first.primary).toBe(null);
    expect(await loaded({ founders: null })).toEqual(first);
  });

  it('finds the last promise again, however many there were', async () => {
    for (const promises of [[1025], [1025, 2049], [1025, 2049, 3073]]) {
      await written(promises);
      expect((await loaded()).promised).toBe(promises.at(-1));
    }
  });

  it('falls back to the promise before one that was torn, wherever it was cut', async () => {
    await written([1025, 2049]);
    const files = [`${path}.0`, `${path}.1`];
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    const newest = texts.findIndex((text) => text.includes('"promised":2049'));
    const [file = '', whole = ''] = [files[newest], texts[newest]];
    for (let length = 1; length < whole.length; length += 37) {
      await writeFile(file, whole);
      await truncate(file, length);
      expect((await loaded()).promised, `cut at ${length}`).toBe(1025);
    }
  });

  it('refuses to begin anew when both files are damaged', async () => {
    await written([1025]);
    await writeFile(`${path}.0`, 'rubbish');
    await writeFile(`${path}.1`, 'rubbish');
    await expect(loaded()).rejects.toMatchObject({ code: 'ring.store-unreadable' });
  });
});
