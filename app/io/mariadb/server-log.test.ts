import { describe, expect, it } from 'vitest';
import type { PeerSettings } from '../../contract/control.js';
import { serverId } from '../../model/ids.js';
import { endInWords, lastErrorLine, startFailure } from './server-log.js';

const settings: PeerSettings = {
  node: 'db1',
  serverId: serverId(1),
  folder: '/srv/db1',
  sql: { host: '127.0.0.1', port: 42_001 },
  admin: { user: 'a', password: 'a' },
  replication: { user: 'r', password: 'r' },
  application: { user: 'b', password: 'b', database: 'b' },
  controlSocket: '/srv/db1.control',
  runAs: null,
  bufferPoolMegabytes: 64,
  cpuQuotaCores: null,
  logFile: '/srv/db1.log',
  endsWithParent: false,
  ring: null,
  frontEnd: null,
};

const failureOf = (log: string) =>
  startFailure(settings, {
    end: { exitCode: 1, signal: null },
    log,
    logFile: '/srv/db1/log/mariadb.log',
    host: 'this machine',
  }).view();

describe('the log of a server that did not start', () => {
  it('names a port in use', () => {
    const log = [
      "2026-11-22  1:42:41 0 [ERROR] Can't start server: Bind on TCP/IP port. Got error: 98: Address already in use",
      '2026-11-22  1:42:41 0 [ERROR] Do you already have another server running on port: 42001 ?',
      '2026-11-22  1:42:41 0 [ERROR] Aborting',
    ].join('\n');
    expect(failureOf(log)).toMatchObject({ code: 'host.port-in-use', data: { port: 42_001 } });
  });

  it('names a full disk and a closed folder', () => {
    expect(
      failureOf('2026-11-22  1:42:41 0 [ERROR] InnoDB: preallocating failed: No space left on device').code,
    ).toBe('host.disk-full');
    expect(
      failureOf("mariadbd: Can't read dir of '/srv/db1/' (Errcode: 13 \"Permission denied\")").code,
    ).toBe('host.path-denied');
  });

  it('otherwise gives the last line that explains something', () => {
    const log = [
      '2026-11-22  1:42:41 0 [ERROR] InnoDB: The data file ./ibdata1 is corrupted',
      "2026-11-22  1:42:41 0 [ERROR] Plugin 'InnoDB' registration as a STORAGE ENGINE failed.",
      '2026-11-22  1:42:41 0 [ERROR] Aborting',
    ].join('\n');
    expect(lastErrorLine(log)).toBe('InnoDB: The data file ./ibdata1 is corrupted');
    expect(failureOf(log).text).toBe(
      'The server of db1 did not start: exited with code 1: InnoDB: The data file ./ibdata1 is corrupted',
    );
  });

  it('says how it ended even when the log is silent', () => {
    expect(endInWords({ exitCode: null, signal: 'SIGKILL' }, '')).toBe('killed by SIGKILL');
    expect(endInWords({ exitCode: 1, signal: null }, '')).toBe('exited with code 1');
    expect(endInWords({ exitCode: null, signal: null }, '')).toBe('it ended without a word in its log');
  });
});
