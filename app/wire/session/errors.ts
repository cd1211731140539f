/** ERR packets that the front end itself sends, from the one table of errors. */
import { type ErrorCode, type ErrorData, RingmasterError } from '../../base/errors.js';
import type { ErrorPacket } from '../packets/responses.js';

/** MariaDB's number and SQL state for each: what client libraries act on. */
const numbers: Partial<Record<ErrorCode, readonly [number, string]>> = {
  'session.conflict': [1213, '40001'],
  'session.node-lost': [1213, '40001'],
  // ER_OPTION_PREVENTS_STATEMENT: what a node in read-only mode says.
  'session.no-quorum': [1290, 'HY000'],
  'session.outcome-unknown': [2013, 'HY000'],
  'session.commit-unknown': [2013, 'HY000'],
  'session.left-behind': [1213, '40001'],
  'session.cannot-move': [1927, '70100'],
  'session.killed': [1927, '70100'],
  'session.login-late': [1159, '08S01'],
  'session.malformed': [1835, 'HY000'],
  'session.backend-malformed': [1158, '08S01'],
};
/** ER_NOT_SUPPORTED_YET. */
const notSupported = [1235, '42000'] as const;

/** The sentence and what to do instead, as an ERR packet. */
export function errorPacket(code: ErrorCode, data: ErrorData = {}): ErrorPacket {
  const error = new RingmasterError(code, data);
  const [errorNumber, sqlState] = numbers[code] ?? notSupported;
  return { errorNumber, sqlState, message: `${error.message} ${error.remedy}` };
}

/** ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: a misjudged read, caught by the node. */
export const readOnlyViolation = 1792;
