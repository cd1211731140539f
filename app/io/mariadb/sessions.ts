/** Sessions of applications on a node: everybody but ourselves, the neighbours and the server's own threads. */
import { type Clock, delay } from '../../base/clock.js';
import type { MethodContext, PeerSettings } from '../../contract/control.js';
import { type Admin, numberOf, type Row, sqlErrorNumber, textOf } from './admin.js';

/** Between two looks at who is still there. */
const lookEveryMs = 100;
/** How long sessions in the middle of a commit may take to finish after the deadline. */
const commitPatienceMs = 10_000;
/** ER_NO_SUCH_THREAD: it left by itself. */
const noSuchThread = 1094;

/**
 * What a session does while its commit is on the way. Killed there, it commits without its client knowing, or the kill
 * breaks a wait for the successor's acknowledgement (replication facts, TRAP 12).
 */
const committing = /commit|semi-sync ack|binlog|rollback/i;

/** The WHERE that leaves application sessions; its values are the two accounts of ours. */
export const applicationSessions =
  "user NOT IN (?, ?, 'system user', 'event_scheduler') AND command NOT IN ('Binlog Dump', 'Daemon')";

/** How many application sessions there are. */
export async function countSessions(admin: Admin, settings: PeerSettings): Promise<number> {
  const row = await admin.one(
    `SELECT COUNT(*) AS sessions FROM information_schema.processlist WHERE ${applicationSessions}`,
    [settings.admin.user, settings.replication.user],
  );
  return numberOf(row, 'sessions') ?? 0;
}

/**
 * Closes application sessions: those without a transaction at once, the others after `deadlineSeconds`; none in the
 * middle of a commit. A session that begins a commit between our look and our KILL can still be hit: only the front
 * end, which sees its statements, could rule that out.
 * @returns how many were closed by us
 */
export async function closeSessions(
  admin: Admin,
  settings: PeerSettings,
  tools: { clock: Clock; deadlineSeconds: number; context: MethodContext },
): Promise<number> {
  const { clock, deadlineSeconds, context } = tools;
  const deadlineMs = clock.monotonicMs() + deadlineSeconds * 1000;
  // A killed session stays in the list until its transaction is rolled back.
  const closed = new Set<number>();
  let total = 0;
  for (;;) {
    context.signal.throwIfAborted();
    const sessions = await admin.query(
      `SELECT p.id, p.command, p.state, p.info, t.trx_id FROM information_schema.processlist p
       LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id WHERE ${applicationSessions}`,
      [settings.admin.user, settings.replication.user],
    );
    const late = clock.monotonicMs() >= deadlineMs;
    total = Math.max(total, closed.size + sessions.length);
    for (const session of sessions.filter((candidate) => mayClose(candidate, late))) {
      const id = numberOf(session, 'id') ?? 0;
      if (!closed.has(id) && (await closeOne(admin, id))) closed.add(id);
    }
    const left = await countSessions(admin, settings);
    context.progress({ done: total - left, total, unit: 'sessions', perSecond: null, etaSeconds: null });
    if (left === 0 || clock.monotonicMs() > deadlineMs + commitPatienceMs) return closed.size;
    await delay(clock, lookEveryMs, context.signal);
  }
}

function mayClose(session: Row, late: boolean): boolean {
  if (textOf(session, 'command') === 'Sleep') return late || textOf(session, 'trx_id') === '';
  if (committing.test(textOf(session, 'state')) || /^\s*(commit|rollback)\b/i.test(textOf(session, 'info')))
    return false;
  return late;
}

/**
 * Closes one session, unless it is in the middle of a commit.
 * @returns whether it was closed
 */
export async function killUnlessCommitting(admin: Admin, id: number): Promise<boolean> {
  const [session] = await admin.query(
    'SELECT id, command, state, info FROM information_schema.processlist WHERE id = ?',
    [id],
  );
  return session !== undefined && mayClose(session, true) && (await closeOne(admin, id));
}

async function closeOne(admin: Admin, id: number): Promise<boolean> {
  try {
    await admin.query('KILL CONNECTION ?', [id]);
    return true;
  } catch (thrown) {
    if (sqlErrorNumber(thrown) === noSuchThread) return false;
    throw thrown;
  }
}
