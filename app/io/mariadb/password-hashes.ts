/** The double hashes of passwords that a server keeps: with the client's answer they suffice to log it in again. */
import { type Admin, textOf } from './admin.js';

/** More accounts than this are not kept: their sessions are closed where others would move. */
const accountsMax = 10_000;

/**
 * SHA1(SHA1(password)) of all accounts that log in by mysql_native_password, by user name: a name may have several
 * accounts, for different hosts. To be kept in memory only, and never logged.
 * Source: MariaDB manual, "mysql.global_priv Table".
 */
export async function readPasswordHashes(admin: Admin): Promise<ReadonlyMap<string, readonly Buffer[]>> {
  const rows = await admin.query(
    `SELECT user AS name, JSON_VALUE(priv, '$.authentication_string') AS hash FROM mysql.global_priv
     WHERE JSON_VALUE(priv, '$.authentication_string') LIKE '*%' LIMIT ?`,
    [accountsMax],
  );
  const hashes = new Map<string, Buffer[]>();
  for (const row of rows) {
    const [, digits] = /^\*([0-9A-F]{40})$/i.exec(textOf(row, 'hash')) ?? [];
    if (digits === undefined) continue;
    const name = textOf(row, 'name');
    hashes.set(name, [...(hashes.get(name) ?? []), Buffer.from(digits, 'hex')]);
  }
  return hashes;
}
