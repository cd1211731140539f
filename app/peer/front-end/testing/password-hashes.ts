/** Asks a test server for the hashes that it keeps of an account's password. */
import { createConnection } from 'mysql2/promise';
import type { NodeAddress } from '../seat.js';

export async function passwordHashes({ host, port }: NodeAddress, user: string): Promise<readonly Buffer[]> {
  const direct = await createConnection({ host, port, user: 'app', password: 'secret' });
  const [rows] = await direct.query(
    "SELECT JSON_VALUE(priv, '$.authentication_string') AS hash FROM mysql.global_priv WHERE user = ?",
    [user],
  );
  await direct.end();
  return (rows as { hash: string | null }[])
    .map(({ hash }) => /^\*([0-9A-F]{40})$/.exec(hash ?? '')?.[1])
    .filter((hash) => hash !== undefined)
    .map((hash) => Buffer.from(hash, 'hex'));
}
