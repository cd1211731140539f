import { describe, expect, it } from 'vitest';
import { enginePairs, parseEngineStatus } from './engine-status.js';

/** As 10.11 prints it: what a client said and what records hold is left out where it says nothing. */
const status = `
=====================================
2026-11-22 04:33:14 0x7f90006336c0 INNODB MONITOR OUTPUT
=====================================
------------------------
LATEST DETECTED DEADLOCK
------------------------
---TRANSACTION 20, ACTIVE 0 sec starting index read
LOCK WAIT 2 lock struct(s), heap size 1128, 1 row lock(s)
MariaDB thread id 99, OS thread handle 140256458827456, query id 17 localhost root Updating
------------
TRANSACTIONS
------------
Trx id counter 36
LIST OF TRANSACTIONS FOR EACH SESSION:
---TRANSACTION 34, ACTIVE 0 sec starting index read
mysql tables in use 1, locked 1
LOCK WAIT 2 lock struct(s), heap size 1128, 1 row lock(s)
MariaDB thread id 13, OS thread handle 140256458827456, query id 17 localhost root Updating
UPDATE t SET v=2 WHERE id=5
------- TRX HAS BEEN WAITING 432261 us FOR THIS LOCK TO BE GRANTED:
RECORD LOCKS space id 6 page no 3 n bits 320 index PRIMARY of table \`shop\`.\`t\` trx id 34 lock_mode X locks rec but not gap waiting
Record lock, heap no 6 PHYSICAL RECORD: n_fields 5; compact format; info bits 0
 0: len 4; hex 80000005; asc     ;;

------------------
TABLE LOCK table \`shop\`.\`t\` trx id 34 lock mode IX
---TRANSACTION 33, ACTIVE 0 sec
4 lock struct(s), heap size 1128, 4 row lock(s), undo log entries 2
MariaDB thread id 12, OS thread handle 140256459134656, query id 15 localhost root 
TABLE LOCK table \`shop\`.\`t\` trx id 33 lock mode IX
RECORD LOCKS space id 6 page no 3 n bits 320 index PRIMARY of table \`shop\`.\`t\` trx id 33 lock_mode X locks rec but not gap
Record lock, heap no 6 PHYSICAL RECORD: n_fields 5; compact format; info bits 0
Record lock, heap no 10 PHYSICAL RECORD: n_fields 5; compact format; info bits 0

RECORD LOCKS space id 6 page no 4 n bits 320 index k of table \`shop\`.\`t\` trx id 33 lock_mode X locks gap before rec
Record lock, heap no 11 PHYSICAL RECORD: n_fields 2; compact format; info bits 0

---TRANSACTION 35, ACTIVE 0 sec starting index read
LOCK WAIT 2 lock struct(s), heap size 1128, 1 row lock(s)
MariaDB thread id 10, OS thread handle 140256459749056, query id 19 Update_rows_log_event::find_row()
UPDATE t SET v=3 WHERE id=5
------- TRX HAS BEEN WAITING 330869 us FOR THIS LOCK TO BE GRANTED:
RECORD LOCKS space id 6 page no 3 n bits 320 index PRIMARY of table \`shop\`.\`t\` trx id 35 lock_mode X locks rec but not gap waiting
Record lock, heap no 6 PHYSICAL RECORD: n_fields 5; compact format; info bits 0

------------------
TABLE LOCK table \`shop\`.\`t\` trx id 35 lock mode IX
---TRANSACTION 36, ACTIVE 0 sec
MariaDB thread id 14, OS thread handle 140256459749056, query id 21 localhost root
RECORD LOCKS space id 6 page no 3 n bits 320 index PRIMARY of table \`shop\`.\`t\` trx id 36 lock_mode X locks gap before rec
Record lock, heap no 6 PHYSICAL RECORD: n_fields 5; compact format; info bits 0
---TRANSACTION 37, ACTIVE 0 sec inserting
MariaDB thread id 15, OS thread handle 140256459749056, query id 22 Write_rows_log_event::write_row(-1)
------- TRX HAS BEEN WAITING 1200 us FOR THIS LOCK TO BE GRANTED:
RECORD LOCKS space id 6 page no 4 n bits 320 index k of table \`shop\`.\`t\` trx id 37 lock_mode X locks gap before rec insert intention waiting
Record lock, heap no 11 PHYSICAL RECORD: n_fields 2; compact format; info bits 0
------------------
---TRANSACTION (0x7f9015130c80), not started
0 lock struct(s), heap size 1128, 0 row lock(s)
--------
FILE I/O
--------
`;

describe('the engine status', () => {
  it('names the sessions and how long each has waited, and leaves the latest deadlock out', () => {
    expect(parseEngineStatus(status).map(({ id, waitedMs }) => [id, waitedMs])).toEqual([
      [13, 432.261],
      [12, null],
      [10, 330.869],
      [14, null],
      [15, 1.2],
    ]);
  });

  it('pairs a wait with the holder of the record and with whoever waited before it', () => {
    const pairs = enginePairs(parseEngineStatus(status));
    expect(pairs.filter(({ waiter }) => waiter === 10).map(({ blocker }) => blocker)).toEqual([13, 12]);
    expect(pairs.filter(({ waiter }) => waiter === 13).map(({ blocker }) => blocker)).toEqual([12]);
  });

  it('lets an insertion wait for the lock on a gap', () => {
    const pairs = enginePairs(parseEngineStatus(status));
    expect(pairs.filter(({ waiter }) => waiter === 15).map(({ blocker }) => blocker)).toEqual([12]);
  });

  it('finds nothing in what is no status', () => {
    expect(parseEngineStatus('')).toEqual([]);
    expect(parseEngineStatus('---TRANSACTION 1\nMariaDB thread id x')).toEqual([]);
  });
});
