/** The accounts that a new database is made with. Every copy has them too. */
import type { PeerSettings } from '../../contract/control.js';

/** A value inside single quotes. Accounts are made in bootstrap mode, where only this file speaks SQL. */
const text = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
/** A name inside backquotes. */
const name = (value: string): string => `\`${value.replaceAll('`', '``')}\``;

/**
 * SQL for mariadb-install-db's --extra-file: one statement on each line, because the bootstrap reader ends a statement
 * only at the end of a line. Bootstrap writes no binlog, so a new node's GTID position is empty.
 */
export function accountsSql({ admin, replication, application }: PeerSettings): string {
  // Without name resolution a loopback connection comes from an address, a socket connection from `localhost`.
  const adminAccounts = ['localhost', '127.0.0.1', '::1'].map((host) => `${text(admin.user)}@${text(host)}`);
  const replicationAccount = `${text(replication.user)}@'%'`;
  const applicationAccount = `${text(application.user)}@'%'`;
  return [
    // The grant tables are not read in bootstrap mode until somebody asks.
    'FLUSH PRIVILEGES;',
    ...adminAccounts.flatMap((account) => [
      `CREATE USER ${account} IDENTIFIED BY ${text(admin.password)};`,
      `GRANT ALL PRIVILEGES ON *.* TO ${account} WITH GRANT OPTION;`,
    ]),
    `CREATE USER ${replicationAccount} IDENTIFIED BY ${text(replication.password)};`,
    `GRANT REPLICATION SLAVE ON *.* TO ${replicationAccount};`,
    `CREATE DATABASE ${name(application.database)};`,
    `CREATE USER ${applicationAccount} IDENTIFIED BY ${text(application.password)};`,
    `GRANT ALL PRIVILEGES ON ${name(application.database)}.* TO ${applicationAccount};`,
    // Nobody gets in without a password, and nobody by the operating system's user: see TRAP 19 of the wire protocol,
    // where a proxy on the same machine would lend its own user to everybody.
    "DELETE FROM mysql.global_priv WHERE User IN ('root', '', 'mysql');",
    'DELETE FROM mysql.proxies_priv;',
    'FLUSH PRIVILEGES;',
    '',
  ].join('\n');
}
