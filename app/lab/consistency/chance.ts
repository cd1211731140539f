/**
 * Statements whose outcome would differ if each node computed it for itself: the time, chance, unordered selection,
 * triggers, procedures, functions, temporary tables, variables of the session. All nodes must have the rows of the one
 * that ran them. The rows themselves are compared by the checksums of all tables.
 */
import type { Attempt } from './client.js';
import { newTally } from './client.js';
import { type NodeReader, Violations, type Workload } from './workload.js';

type Act = readonly string[];

/** Each is one transaction; those of one statement run in autocommit mode. `?` is the client's number. */
const acts: readonly Act[] = [
  ["INSERT INTO chance (made_by, kind, value) VALUES (?, 'uuid', UUID())"],
  ["INSERT INTO chance (made_by, kind, value) VALUES (?, 'now', CONCAT(NOW(6), '/', SYSDATE(6)))"],
  ["INSERT INTO chance (made_by, kind, value) VALUES (?, 'rand', RAND())"],
  ["INSERT INTO chance (made_by, kind, value) VALUES (?, 'connection', CONNECTION_ID())"],
  ["INSERT INTO chance (made_by, kind, value) SELECT ?, 'unordered', value FROM chance LIMIT 3"],
  ['UPDATE chance SET value = CONCAT(LEFT(value, 100), RAND()) WHERE made_by = ? ORDER BY RAND() LIMIT 2'],
  ['DELETE FROM chance WHERE made_by = ? LIMIT 1'],
  ['REPLACE INTO chance_unique VALUES (FLOOR(RAND() * 50), UUID(), NOW(6))'],
  [
    'INSERT INTO chance_unique VALUES (FLOOR(RAND() * 50), UUID(), NOW(6)) ON DUPLICATE KEY UPDATE value = UUID()',
  ],
  [
    'SET @drawn = FLOOR(RAND() * 1000), @drawn_at = NOW(6)',
    "INSERT INTO chance (made_by, kind, value) VALUES (?, 'variable', CONCAT(@drawn, '/', @drawn_at))",
  ],
  [
    'CREATE TEMPORARY TABLE IF NOT EXISTS chance_draft (value VARCHAR(100)) ENGINE=InnoDB',
    'INSERT INTO chance_draft VALUES (UUID()), (RAND())',
    "INSERT INTO chance (made_by, kind, value) SELECT ?, 'temporary', value FROM chance_draft",
    'DELETE FROM chance_draft',
  ],
  ['CALL chance_step(?)'],
  ["INSERT INTO chance (made_by, kind, value) VALUES (?, 'function', chance_draw())"],
];

export function chanceWorkload(): Workload {
  const violations = new Violations();
  const tally = newTally();

  async function perform(attempt: Attempt, act: Act, number: number): Promise<void> {
    const [single] = act;
    if (act.length === 1 && single !== undefined) {
      attempt.committing();
      await attempt.run(single, single.includes('?') ? [number] : []);
      return;
    }
    await attempt.run('BEGIN');
    for (const statement of act) await attempt.run(statement, statement.includes('?') ? [number] : []);
    attempt.committing();
    await attempt.run('COMMIT');
  }

  return {
    name: 'chance',
    tally,
    greeting: [],
    prepare: [
      'DROP TABLE IF EXISTS chance, chance_unique, chance_log',
      'DROP PROCEDURE IF EXISTS chance_step',
      'DROP FUNCTION IF EXISTS chance_draw',
      `CREATE TABLE chance (id BIGINT AUTO_INCREMENT PRIMARY KEY, made_by INT NOT NULL, kind VARCHAR(20) NOT NULL,
       value VARCHAR(200) NOT NULL, stamp TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6), KEY (made_by)) ENGINE=InnoDB`,
      `CREATE TABLE chance_unique (id INT PRIMARY KEY, value VARCHAR(100) UNIQUE, made_at DATETIME(6)) ENGINE=InnoDB`,
      // Without a primary key: rows are found by comparing all columns.
      'CREATE TABLE chance_log (value VARCHAR(200), logged_at DATETIME(6)) ENGINE=InnoDB',
      `CREATE TRIGGER chance_after AFTER INSERT ON chance FOR EACH ROW
       INSERT INTO chance_log VALUES (CONCAT(NEW.id, '/', UUID()), NOW(6))`,
      `CREATE PROCEDURE chance_step(IN who INT) BEGIN
         DECLARE drawn DOUBLE DEFAULT RAND();
         INSERT INTO chance (made_by, kind, value) VALUES (who, 'procedure', CONCAT(drawn, '/', UUID()));
       END`,
      'CREATE FUNCTION chance_draw() RETURNS VARCHAR(100) NOT DETERMINISTIC RETURN CONCAT(UUID(), RAND())',
    ],
    async step(client, number, stop) {
      const act = client.options.random.pick(acts);
      await client.transaction(stop, (attempt) => perform(attempt, act, number));
    },
    async check(nodes: readonly NodeReader[]) {
      for (const node of nodes) {
        const [row] = await node.rows('SELECT COUNT(*) AS count FROM chance_log');
        if (tally.done > 100 && Number(row?.count) === 0)
          violations.add(`${node.name}: nothing was logged by the trigger`);
      }
      return violations.list;
    },
  };
}
