/** The client's commands, as far as the front end must understand them. */
import { ByteReader, ByteWriter } from '../../base/bytes.js';
import { commandCode, type Malformed, malformed } from './capabilities.js';

/** The statement id that means "the one prepared last" (MariaDB "com_stmt_execute"). */
export const lastPrepared = 0xffff_ffff;

export type Command =
  /** COM_QUERY: 0x03 | statement. Also COM_STMT_PREPARE: 0x16 | statement. */
  | { readonly kind: 'query' | 'prepare'; readonly sql: Buffer }
  /** COM_STMT_EXECUTE 0x17, BULK_EXECUTE 0xFA, FETCH 0x1C, RESET 0x1A, CLOSE 0x19, SEND_LONG_DATA 0x18: id in bytes 1 to 4. */
  | {
      readonly kind: 'execute' | 'bulkExecute' | 'fetch' | 'resetStatement' | 'closeStatement' | 'longData';
      readonly statementId: number;
    }
  /** COM_INIT_DB 0x02 | schema; COM_FIELD_LIST 0x04 | table, NUL, wildcard. */
  | { readonly kind: 'useSchema'; readonly schema: string }
  /** COM_PROCESS_KILL 0x0C | int<4> connection id. */
  | { readonly kind: 'kill'; readonly connectionId: number }
  /** COM_SET_OPTION 0x1B | int<2>: 0 multi-statements on, 1 off. */
  | { readonly kind: 'setOption'; readonly multiStatements: boolean }
  /** COM_REFRESH 0x07, COM_CREATE_DB 0x05, COM_DROP_DB 0x06: each writes the binlog or may. */
  | { readonly kind: 'admin' }
  /** COM_SHUTDOWN, COM_BINLOG_DUMP and the like: not through the front end. */
  | { readonly kind: 'forbidden'; readonly name: string }
  | {
      readonly kind:
        | 'quit'
        | 'ping'
        | 'statistics'
        | 'fieldList'
        | 'processList'
        | 'debug'
        | 'changeUser'
        | 'resetConnection';
    };

export type CommandKind = Command['kind'];

const plain: Readonly<Record<number, CommandKind>> = {
  [commandCode.quit]: 'quit',
  [commandCode.ping]: 'ping',
  [commandCode.statistics]: 'statistics',
  [commandCode.fieldList]: 'fieldList',
  [commandCode.processInfo]: 'processList',
  [commandCode.debug]: 'debug',
  [commandCode.changeUser]: 'changeUser',
  [commandCode.resetConnection]: 'resetConnection',
};

const aboutStatement: Readonly<Record<number, CommandKind>> = {
  [commandCode.statementExecute]: 'execute',
  [commandCode.statementBulkExecute]: 'bulkExecute',
  [commandCode.statementFetch]: 'fetch',
  [commandCode.statementReset]: 'resetStatement',
  [commandCode.statementClose]: 'closeStatement',
  [commandCode.statementSendLongData]: 'longData',
};

const forbidden: Readonly<Record<number, string>> = {
  [commandCode.shutdown]: 'COM_SHUTDOWN',
  [commandCode.binlogDump]: 'COM_BINLOG_DUMP',
  [commandCode.tableDump]: 'COM_TABLE_DUMP',
  [commandCode.registerSlave]: 'COM_REGISTER_SLAVE',
};

/** Reads a command; of a long one the first bytes are enough. @param payload at least one byte */
export function decodeCommand(payload: Buffer): Command | Malformed {
  const reader = new ByteReader(payload);
  const code = reader.u8();
  if (!reader.ok) return malformed('an empty command');
  const named = plain[code];
  if (named) return { kind: named } as Command;
  const statement = aboutStatement[code];
  if (statement) {
    const statementId = reader.u32();
    if (!reader.ok) return malformed('a command without its statement id');
    return { kind: statement, statementId } as Command;
  }
  const refused = forbidden[code];
  if (refused) return { kind: 'forbidden', name: refused };
  switch (code) {
    case commandCode.query:
      return { kind: 'query', sql: reader.rest() };
    case commandCode.statementPrepare:
      return { kind: 'prepare', sql: reader.rest() };
    case commandCode.initDb:
      return { kind: 'useSchema', schema: reader.rest().toString('utf8') };
    case commandCode.createDb:
    case commandCode.dropDb:
    case commandCode.refresh:
      return { kind: 'admin' };
    case commandCode.processKill: {
      const connectionId = reader.u32();
      return reader.ok ? { kind: 'kill', connectionId } : malformed('a kill without a connection id');
    }
    case commandCode.setOption: {
      const option = reader.u16();
      return reader.ok ? { kind: 'setOption', multiStatements: option === 0 } : malformed('no option');
    }
    default:
      return { kind: 'forbidden', name: `command ${code}` };
  }
}

/** The packet of a statement that the front end itself sends. */
export function encodeQuery(sql: string | Buffer): Buffer {
  const bytes = typeof sql === 'string' ? Buffer.from(sql, 'utf8') : sql;
  return new ByteWriter(bytes.length + 1).u8(commandCode.query).raw(bytes).finish();
}

/** A command that has a statement id at its front. */
export function encodeStatementCommand(
  code: number,
  statementId: number,
  rest: Buffer = Buffer.alloc(0),
): Buffer {
  return new ByteWriter(rest.length + 5).u8(code).u32(statementId).raw(rest).finish();
}
