import { describe, expect, it } from 'vitest';
import {
  findMissing,
  installCommand,
  isAtLeast,
  type Machine,
  packagesFor,
  parseMariaDbVersion,
  parseMissingLibraries,
  servicesOf,
} from './needs.js';

const complete: Machine = {
  mariaDbServer: [10, 11, 6],
  mariaDbBackup: [10, 11, 6],
  missingLibraries: [],
  hasFonts: true,
  hasDisplay: true,
  hasXvfb: true,
  hasSshServer: true,
  hasIpRoute: true,
  isRoot: true,
  hasApt: true,
};
const bare: Machine = {
  ...complete,
  mariaDbServer: null,
  mariaDbBackup: null,
  missingLibraries: ['libnss3.so', 'libnssutil3.so', 'libasound.so.2', 'libgtk-3.so.0'],
  hasFonts: false,
  hasDisplay: false,
  hasXvfb: false,
  hasSshServer: false,
  hasIpRoute: false,
};
const everything = () => true;
const bookworm = (name: string) => !name.includes('t64');

describe('what is missing', () => {
  it('is nothing on a complete machine', () => {
    for (const purpose of ['start', 'lab', 'tests'] as const)
      expect(findMissing(complete, purpose)).toEqual([]);
  });

  it('needs only MariaDB for the lab without a window', () => {
    expect(packagesFor(findMissing(bare, 'lab'), everything)).toEqual(['mariadb-server', 'mariadb-backup']);
  });

  it('takes each package once, under the name that this release knows', () => {
    const packages = packagesFor(findMissing(bare, 'start'), bookworm);
    expect(packages).toEqual([
      'mariadb-server',
      'mariadb-backup',
      'libnss3',
      'libasound2',
      'libgtk-3-0',
      'fonts-dejavu-core',
      'xvfb',
    ]);
    expect(packagesFor(findMissing(bare, 'start'), everything)).toContain('libasound2t64');
  });

  it('needs servers, networks and Xvfb for tests even where there is a display', () => {
    const packages = packagesFor(findMissing({ ...bare, hasDisplay: true }, 'tests'), bookworm);
    expect(packages).toEqual(expect.arrayContaining(['xvfb', 'openssh-server', 'iproute2']));
  });

  it('needs no Xvfb to start where there is a display', () => {
    const packages = packagesFor(findMissing({ ...bare, hasDisplay: true }, 'start'), bookworm);
    expect(packages).not.toContain('xvfb');
  });

  it('names an old MariaDB without replacing it', () => {
    const missing = findMissing({ ...complete, mariaDbServer: [10, 5, 23] }, 'lab');
    expect(missing).toEqual([{ what: 'MariaDB server 10.11 or later (found 10.5.23)', packages: [] }]);
  });

  it('names a library whose package it does not know', () => {
    const missing = findMissing({ ...complete, missingLibraries: ['libnew.so.9'] }, 'start');
    expect(missing).toEqual([{ what: 'the library libnew.so.9', packages: [] }]);
  });
});

describe('reading what programs say', () => {
  it.each([
    ['mariadbd  Ver 10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)', [10, 11, 6]],
    ['mariadb-backup based on MariaDB server 11.4.2-MariaDB debian-linux-gnu (x86_64)', [11, 4, 2]],
    ['mysqld  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)', null],
    ['', null],
  ])('%s', (text, version) => {
    expect(parseMariaDbVersion(text)).toEqual(version);
  });

  it('finds the libraries that ldd did not', () => {
    const output = [
      '\tlinux-vdso.so.1 (0x00007ffd)',
      '\tlibnss3.so => not found',
      '\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)',
      '\tlibnss3.so => not found',
      '\tlibgbm.so.1 => not found',
    ].join('\n');
    expect(parseMissingLibraries(output)).toEqual(['libnss3.so', 'libgbm.so.1']);
  });

  it.each([
    [[10, 11], [10, 11], true],
    [[10, 11, 6], [10, 11], true],
    [[11, 0], [10, 11], true],
    [[10, 6, 18], [10, 11], false],
    [[10], [10, 11], false],
  ])('%j is at least %j: %j', (version, oldest, expected) => {
    expect(isAtLeast(version, oldest)).toBe(expected);
  });
});

describe('the command to run', () => {
  it('asks for rights only where they are missing', () => {
    expect(installCommand(['xvfb'], { isRoot: true, hasApt: true })).toBe(
      'apt-get update && apt-get install --no-install-recommends -y xvfb',
    );
    expect(installCommand(['xvfb'], { isRoot: false, hasApt: true })).toBe(
      'sudo apt-get update && sudo apt-get install --no-install-recommends -y xvfb',
    );
  });

  it('does not pretend to know other package managers', () => {
    expect(installCommand(['xvfb'], { isRoot: true, hasApt: false })).toContain('package manager: xvfb');
  });

  it('switches off only services of packages that bring some', () => {
    expect(servicesOf(['mariadb-server', 'xvfb', 'openssh-server'])).toEqual([
      'mariadb.service',
      'mariadb.socket',
      'ssh.service',
      'ssh.socket',
    ]);
  });
});
