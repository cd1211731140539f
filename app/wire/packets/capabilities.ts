/**
 * Capability bits, status flags and command codes.
 * Source: MariaDB client/server protocol, "connection" (capabilities), "ok_packet" (status), and include/mysql_com.h.
 */

export const capability = {
  clientMysql: 0x1,
  foundRows: 0x2,
  connectWithDb: 0x8,
  compress: 0x20,
  localFiles: 0x80,
  protocol41: 0x200,
  ssl: 0x800,
  transactions: 0x2000,
  secureConnection: 0x8000,
  multiStatements: 0x1_0000,
  multiResults: 0x2_0000,
  psMultiResults: 0x4_0000,
  pluginAuth: 0x8_0000,
  connectAttributes: 0x10_0000,
  pluginAuthLengthEncoded: 0x20_0000,
  sessionTrack: 0x80_0000,
  deprecateEof: 0x100_0000,
  zstdCompression: 0x400_0000,
  queryAttributes: 0x800_0000,
} as const;

/** MariaDB's own capabilities: the "extended" 32 bits, valid only where `clientMysql` is clear. */
export const extendedCapability = {
  progress: 0x1,
  statementBulkOperations: 0x4,
  extendedMetadata: 0x8,
  cacheMetadata: 0x10,
  bulkUnitResults: 0x20,
} as const;

export const statusFlag = {
  inTransaction: 0x1,
  autocommit: 0x2,
  moreResults: 0x8,
  cursorExists: 0x40,
  lastRowSent: 0x80,
  noBackslashEscapes: 0x200,
  inReadOnlyTransaction: 0x2000,
  sessionStateChanged: 0x4000,
} as const;

export const commandCode = {
  quit: 0x01,
  initDb: 0x02,
  query: 0x03,
  fieldList: 0x04,
  createDb: 0x05,
  dropDb: 0x06,
  refresh: 0x07,
  shutdown: 0x08,
  statistics: 0x09,
  processInfo: 0x0a,
  processKill: 0x0c,
  debug: 0x0d,
  ping: 0x0e,
  changeUser: 0x11,
  binlogDump: 0x12,
  tableDump: 0x13,
  registerSlave: 0x15,
  statementPrepare: 0x16,
  statementExecute: 0x17,
  statementSendLongData: 0x18,
  statementClose: 0x19,
  statementReset: 0x1a,
  setOption: 0x1b,
  statementFetch: 0x1c,
  resetConnection: 0x1f,
  statementBulkExecute: 0xfa,
} as const;

/** A packet that does not have the form that its place in the conversation asks for. */
export interface Malformed {
  readonly malformed: string;
}

export const malformed = (what: string): Malformed => ({ malformed: what });

export const isMalformed = (value: object): value is Malformed => 'malformed' in value;

/** Sets or clears bits of an unsigned 32-bit word. */
export const withBits = (word: number, bits: number): number => (word | bits) >>> 0;
export const withoutBits = (word: number, bits: number): number => (word & ~bits) >>> 0;
