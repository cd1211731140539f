/** Asks a test server for the hashes that it keeps of an account's password. */
import { Admin } from '../../../io/mariadb/admin.js';
import { readPasswordHashes } from '../../../io/mariadb/password-hashes.js';
import type { NodeAddress } from '../seat.js';

export async function passwordHashes(node: NodeAddress, user: string): Promise<readonly Buffer[]> {
  const admin = await Admin.neighbour('a test server', node, { user: 'app', password: 'secret' });
  try {
    return (await readPasswordHashes(admin)).get(user) ?? [];
  } finally {
    await admin.close();
  }
}
