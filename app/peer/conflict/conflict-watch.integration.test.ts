/** Real locks between a real applier and real local transactions. */
import type { Connection } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, waitFor } from '../../base/clock.js';
import { silentLog } from '../../base/log.js';
import { Admin } from '../../io/mariadb/admin.js';
import { sequenceOf } from '../../model/gtid.js';
import { valueAt } from '../testing/peer-process.js';
import type { WaitPair } from './blockers.js';
import { type Blocked, ConflictWatch, type ConflictWatchOptions } from './conflict-watch.js';
import { enginePairs } from './engine-status.js';
import { readEngine, readRowWaits } from './lock-views.js';
import { ReplicatedPair } from './testing/replicated-pair.js';

let pair: ReplicatedPair;
let source: Connection;
let target: Connection;
let watch: ConflictWatch | undefined;
/** Everything reported, with the connections that were told to give way. */
let blocked: Blocked[] = [];
/** Local sessions by connection id. */
const locals = new Map<number, Connection>();

const connect = () =>
  Admin.neighbour(
    'follower',
    { host: '127.0.0.1', port: pair.follower.port },
    { user: 'app', password: 'secret' },
  );

beforeAll(async () => {
  pair = await ReplicatedPair.start(23_540);
  source = await pair.root(pair.writer);
  target = await pair.root(pair.follower);
  await source.query(
    'CREATE TABLE item (id INT PRIMARY KEY, amount INT NOT NULL, kind INT, KEY (kind)) ENGINE=InnoDB',
  );
  await source.query('INSERT INTO item SELECT seq, 0, seq FROM seq_1_to_1000');
  await pair.caughtUp(source, target);
});

beforeEach(() => {
  blocked = [];
});

afterEach(async () => {
  await watch?.stop();
  watch = undefined;
  for (const local of locals.values()) local.destroy();
  locals.clear();
  await pair.caughtUp(source, target);
});

afterAll(() => pair?.stop());

/** An application session on the follower. */
async function local(): Promise<{ id: number; session: Connection }> {
  const session = await pair.application(pair.follower);
  const id = Number(await valueAt(session, 'SELECT CONNECTION_ID()'));
  locals.set(id, session);
  // Everything local ends with a rollback: a commit here would be a change that the writer does not know.
  await session.query('BEGIN');
  return { id, session };
}

const numberOfError = (error: { errno?: number }) => error.errno;

/** What a front end does with a session in the middle of a statement. */
function interruptAndRollBack(seen: Blocked): void {
  blocked.push(seen);
  for (const id of seen.backendIds)
    target
      .query(`KILL QUERY ${id}`)
      .then(() => locals.get(id)?.query('ROLLBACK'))
      .catch(() => undefined);
}

/** A watch whose owner rolls back what is named, as a front end does for idle sessions. */
function startWatch(changed: Partial<ConflictWatchOptions> = {}): ConflictWatch {
  watch = new ConflictWatch({
    connect,
    clock: systemClock,
    log: silentLog(),
    // The account of the applications is that of the watch here: only its connection is kept.
    ownUsers: ['root'],
    expendable: new Set(),
    mayRollBack: (id) => locals.has(id),
    onBlocked: (seen) => {
      blocked.push(seen);
      for (const id of seen.backendIds)
        locals
          .get(id)
          ?.query('ROLLBACK')
          .catch(() => undefined);
    },
    ...changed,
  });
  watch.start();
  return watch;
}

async function until(what: string, test: () => boolean | Promise<boolean>): Promise<void> {
  const found = await waitFor(systemClock, async () => ((await test()) ? true : undefined), {
    everyMs: 2,
    timeoutMs: 20_000,
  });
  if (!found) throw new Error(`waited in vain until ${what}; reported: ${JSON.stringify(blocked)}`);
}

/** The applier waits for a row lock, by the server's live view. */
async function waitsForRows(admin: Admin, count: number): Promise<void> {
  await until(`${count} transactions wait`, async () => {
    const waiting = (await readEngine(admin, false)).filter(({ waitedMs }) => waitedMs !== null);
    return waiting.length === count;
  });
}

/** A change of another node; the watch is told of it as the token tells the engine. */
async function changeElsewhere(statement: string, values: readonly number[] = []): Promise<void> {
  await source.query(statement, [...values]);
  watch?.expect(sequenceOf(await valueAt(source, 'SELECT @@global.gtid_binlog_pos')));
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Everybody who was told to give way: repeats come where that takes long. */
const told = (): Set<number> => new Set(blocked.flatMap(({ backendIds }) => backendIds));

const show = (what: string, waited: readonly number[]) =>
  process.stdout.write(
    `${what}: median ${median(waited).toFixed(1)} ms, most ${Math.max(...waited).toFixed(1)} ms of ${waited.length}\n`,
  );

describe('row locks', () => {
  it('reports a local transaction within 20 ms of blocking the applier, which goes on when it is rolled back', async () => {
    const { counts } = startWatch();
    for (let round = 1; round <= 21; round++) {
      const { id, session } = await local();
      await session.query('UPDATE item SET amount = -1 WHERE id = ?', [round]);
      await changeElsewhere('UPDATE item SET amount = ? WHERE id = ?', [round, round]);
      await pair.caughtUp(source, target);
      expect(blocked.at(-1)).toMatchObject({ backendIds: [id], what: 'row' });
      expect(await valueAt(target, `SELECT amount FROM item WHERE id = ${round}`)).toBe(String(round));
    }
    const waited = blocked.map(({ waitedMs }) => waitedMs);
    show('row lock seen after', waited);
    expect(counts.row).toBe(21);
    // Under 10 where nothing else runs; the bound is for machines that test other things at the same time.
    expect(median(waited)).toBeLessThan(60);
  });

  it('finds by itself what it is not told of', async () => {
    startWatch();
    for (let round = 31; round <= 41; round++) {
      const { session } = await local();
      await session.query('UPDATE item SET amount = -1 WHERE id = ?', [round]);
      await source.query('UPDATE item SET amount = ? WHERE id = ?', [round, round]);
      await pair.caughtUp(source, target);
    }
    const waited = blocked.map(({ waitedMs }) => waitedMs);
    show('row lock that nobody told of seen after', waited);
    expect(told().size).toBe(11);
    expect(median(waited)).toBeLessThan(500);
  });

  it('sees conflict after conflict without the pause of the cached view', async () => {
    startWatch();
    const beganMs = performance.now();
    const rounds = 10;
    for (let round = 1; round <= rounds; round++) {
      const { session } = await local();
      await session.query('DELETE FROM item WHERE id = ?', [500 + round]);
      await changeElsewhere('UPDATE item SET amount = amount + 1 WHERE id = ?', [500 + round]);
      await pair.caughtUp(source, target);
    }
    const eachMs = (performance.now() - beganMs) / rounds;
    process.stdout.write(`a conflict, from its first statement to its end: ${eachMs.toFixed(1)} ms\n`);
    expect(told().size).toBe(rounds);
    // With INNODB_LOCK_WAITS alone each but the first takes 100 ms.
    expect(median(blocked.map(({ waitedMs }) => waitedMs))).toBeLessThan(60);
  });

  it('tells at once of the same session that blocks again and again', async () => {
    const { counts } = startWatch();
    const { session } = await local();
    for (let round = 1; round <= 10; round++) {
      await session.query('BEGIN');
      await session.query('UPDATE item SET amount = -1 WHERE id = 600');
      await changeElsewhere('UPDATE item SET amount = ? WHERE id = 600', [round]);
      await pair.caughtUp(source, target);
    }
    const waited = blocked.map(({ waitedMs }) => waitedMs);
    show('the same session again seen after', waited);
    expect(counts.row).toBe(10);
    expect(median(waited)).toBeLessThan(60);
  });

  it('finds one lock among many that the live text leaves out', async () => {
    await source.query(
      "CREATE TABLE wide (id INT PRIMARY KEY, filler CHAR(250) NOT NULL DEFAULT 'x') ENGINE=InnoDB",
    );
    await source.query('INSERT INTO wide (id) SELECT seq FROM seq_1_to_2000');
    await pair.caughtUp(source, target);
    startWatch();
    for (let round = 1; round <= 5; round++) {
      const { session } = await local();
      await session.query('SELECT COUNT(*) FROM wide FOR UPDATE');
      await changeElsewhere("UPDATE wide SET filler = 'y' WHERE id = ?", [2000 - round]);
      await pair.caughtUp(source, target);
    }
    const waited = blocked.map(({ waitedMs }) => waitedMs);
    show('one lock of many seen after', waited);
    expect(told().size).toBe(5);
    // The other view is refreshed when nobody read it for 100 ms.
    expect(Math.max(...waited)).toBeLessThan(500);
  });

  it('says nothing of local sessions that wait for each other or behind the applier', async () => {
    const admin = await connect();
    const [first, second, third] = [await local(), await local(), await local()];
    await first.session.query('UPDATE item SET amount = -1 WHERE id = 101');
    const { counts } = startWatch();
    const ahead = second.session.query('UPDATE item SET amount = -2 WHERE id = 101').catch(numberOfError);
    await waitsForRows(admin, 1);
    // Other rows go through meanwhile: the watch is awake.
    for (let round = 0; round < 20; round++)
      await changeElsewhere('UPDATE item SET amount = amount + 1 WHERE id = 102');
    await pair.caughtUp(source, target);
    expect(blocked).toEqual([]);
    expect(counts.row).toBe(0);

    await watch?.stop();
    await source.query('UPDATE item SET amount = 6 WHERE id = 101');
    await waitsForRows(admin, 2);
    const behind = third.session.query('UPDATE item SET amount = -3 WHERE id = 101');
    await waitsForRows(admin, 3);
    startWatch({ onBlocked: interruptAndRollBack });
    await pair.caughtUp(source, target);
    // The second waited before the applier did: it would have been next. It was interrupted, or got the lock in the moment
    // in which the first was rolled back, and was then rolled back itself.
    await ahead;
    await behind;
    expect(await valueAt(target, 'SELECT amount FROM item WHERE id = 101')).toBe('6');
    expect([...told()].sort((a, b) => a - b)).toEqual([first.id, second.id]);
    await third.session.query('ROLLBACK');
    await admin.close();
  });

  it('frees the applier from a session that itself waits for another', async () => {
    const admin = await connect();
    const [root, middle] = [await local(), await local()];
    await root.session.query('UPDATE item SET amount = -1 WHERE id = 201');
    await middle.session.query('UPDATE item SET amount = -1 WHERE id = 202');
    const waiting = middle.session.query('UPDATE item SET amount = -1 WHERE id = 201').catch(numberOfError);
    await waitsForRows(admin, 1);
    startWatch({ onBlocked: interruptAndRollBack });
    await source.query('UPDATE item SET amount = 7 WHERE id = 202');
    await pair.caughtUp(source, target);
    expect(await waiting).toBe(1317);
    expect(blocked[0]).toMatchObject({ backendIds: [middle.id], what: 'row' });
    await admin.close();
  });

  it('reads from the live text what the table of lock waits says', async () => {
    const admin = await connect();
    const [holder, reader, inserter, behind] = [await local(), await local(), await local(), await local()];
    await holder.session.query('UPDATE item SET amount = -1 WHERE kind BETWEEN 301 AND 303');
    const waits = [
      reader.session.query('SELECT * FROM item WHERE id = 302 LOCK IN SHARE MODE'),
      inserter.session.query('INSERT INTO item VALUES (5000, 0, 302)'),
    ];
    await waitsForRows(admin, 2);
    waits.push(behind.session.query('DELETE FROM item WHERE id = 302'));
    await waitsForRows(admin, 3);
    const order = (pairs: readonly WaitPair[]) =>
      [...new Set(pairs.map(({ waiter, blocker }) => `${waiter} waits for ${blocker}`))].sort();
    const live = order(enginePairs(await readEngine(admin, true)));
    expect(live).toHaveLength(4);
    // What the table shows may be as old as its last reader, who is one of the tests above.
    const table = await waitFor(
      systemClock,
      async () => {
        const shown = order(await readRowWaits(admin));
        return shown.some((wait) => live.includes(wait)) ? shown : undefined;
      },
      { everyMs: 150, timeoutMs: 5_000 },
    );
    expect(table).toEqual(live);
    for (const { session } of [holder, reader, inserter, behind]) await session.query('ROLLBACK');
    await Promise.all(waits);
    await admin.close();
  });
});

describe('metadata locks', () => {
  it('reports a transaction that only read, when a change of its table waits for it', async () => {
    const { counts } = startWatch();
    for (let round = 1; round <= 11; round++) {
      const { id, session } = await local();
      await session.query('SELECT * FROM item WHERE id = 1');
      await changeElsewhere(
        round % 2 === 1 ? 'ALTER TABLE item ADD COLUMN more INT' : 'ALTER TABLE item DROP COLUMN more',
      );
      await pair.caughtUp(source, target);
      expect(blocked.at(-1)).toMatchObject({ backendIds: [id], what: 'metadata' });
    }
    const waited = blocked.map(({ waitedMs }) => waitedMs);
    show('metadata lock seen after', waited);
    expect(counts.metadata).toBe(11);
    expect(median(waited)).toBeLessThan(60);
    await source.query('ALTER TABLE item DROP COLUMN more');
  });

  it.each([
    ['DROP TABLE gone', 'SELECT * FROM gone'],
    ['TRUNCATE TABLE gone', 'INSERT INTO gone VALUES (7)'],
    ['RENAME TABLE gone TO went', 'SELECT * FROM gone'],
    ['CREATE OR REPLACE VIEW seen AS SELECT 2 AS two', 'SELECT * FROM seen'],
  ])('%s goes on after %s in an open transaction', async (change, use) => {
    await source.query('CREATE OR REPLACE TABLE gone (id INT PRIMARY KEY) ENGINE=InnoDB');
    await source.query('DROP TABLE IF EXISTS went');
    await source.query('CREATE OR REPLACE VIEW seen AS SELECT 1 AS one');
    await pair.caughtUp(source, target);
    const { id, session } = await local();
    await session.query(use);
    startWatch();
    await changeElsewhere(change);
    await pair.caughtUp(source, target);
    expect(blocked[0]).toMatchObject({ backendIds: [id], what: 'metadata' });
  });
});

describe('who is left alone', () => {
  it('waits for a session that must not be rolled back now, and reports it when it may be', async () => {
    const { id, session } = await local();
    await session.query('UPDATE item SET amount = -1 WHERE id = 401');
    let asked = 0;
    let committing = true;
    startWatch({
      mayRollBack: (other) => {
        if (other === id) asked++;
        return !committing;
      },
    });
    await source.query('UPDATE item SET amount = 8 WHERE id = 401');
    await until('it asked several times', () => asked > 5);
    expect(blocked).toEqual([]);
    committing = false;
    await pair.caughtUp(source, target);
    expect(blocked[0]).toMatchObject({ backendIds: [id] });
  });

  it('frees a session that holds the permission to commit', async () => {
    const holder = await local();
    const other = await local();
    await other.session.query('UPDATE item SET amount = -1 WHERE id = 402');
    startWatch().hold(holder.id);
    await holder.session.query('UPDATE item SET amount = 9 WHERE id = 402');
    await holder.session.query('ROLLBACK');
    expect(blocked[0]).toMatchObject({ backendIds: [other.id], what: 'row' });
  });

  it('repeats at a bounded pace while nobody does anything, and ends direct clients on demand', async () => {
    const { id, session } = await local();
    await session.query('UPDATE item SET amount = -1 WHERE id = 403');
    const begun = startWatch({ onBlocked: (seen) => blocked.push(seen) });
    await source.query('UPDATE item SET amount = 10 WHERE id = 403');
    await until('it was told four times', () => blocked.length === 4);
    expect(blocked[3]?.waitedMs).toBeGreaterThan(130);
    expect(begun.counts.row).toBe(1);
    expect(await begun.kill([id])).toEqual([id]);
    await pair.caughtUp(source, target);
    await expect(session.query('SELECT 1')).rejects.toThrow();
    expect(await begun.kill([id])).toEqual([]);
  });

  it('goes on after its connection was lost', async () => {
    const begun = startWatch();
    await until('it polls', () => begun.counts.polls > 2);
    const [rows] = await target.query("SELECT id FROM information_schema.processlist WHERE user = 'app'");
    for (const { id } of rows as { id: number }[]) await target.query(`KILL ${id}`);
    const { session } = await local();
    await session.query('UPDATE item SET amount = -1 WHERE id = 404');
    await source.query('UPDATE item SET amount = 11 WHERE id = 404');
    await pair.caughtUp(source, target);
    expect(blocked).not.toEqual([]);
  });
});
