import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mayLoad } from './hardening.js';
import {
  contentSecurityPolicy,
  developmentPage,
  fileOfUrl,
  isOwnPage,
  pageUrl,
  servePageFile,
} from './page.js';

describe('the file of an address', () => {
  const folder = '/app/out/renderer';

  it.each([
    ['app://ringmaster/', 'index.html'],
    ['app://ringmaster/index.html', 'index.html'],
    ['app://ringmaster/assets/a%20b.js?v=1#x', 'assets/a b.js'],
    // The address parser itself takes the climbing out of this one.
    ['app://ringmaster/../../index.html', 'index.html'],
  ])('%s is %s', (url, file) => {
    expect(fileOfUrl(url, folder)).toBe(join(folder, file));
  });

  it.each([
    'app://elsewhere/index.html',
    'file:///etc/passwd',
    'https://ringmaster/index.html',
    'app://ringmaster/..%2f..%2fsecret.json',
    'app://ringmaster/%2e%2e%2f%2e%2e%2fpackage.json',
    'app://ringmaster/..%5c..%5csecret.json',
    'app://ringmaster/../renderer-other/index.html/..%2f..%2f..%2frenderer-other/x.js',
    'app://ringmaster/a%00.html',
    'app://ringmaster/%zz.html',
    'app://ringmaster/passwd',
    'app://ringmaster/main.cjs',
    'nonsense',
  ])('refuses %s', (url) => {
    expect(fileOfUrl(url, folder)).toBeUndefined();
  });
});

describe('serving the page', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ringmaster-page-'));
    await writeFile(join(folder, 'index.html'), '<!doctype html>');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('answers the file with its type and the policy', async () => {
    const response = await servePageFile({ method: 'GET', url: pageUrl }, folder);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('<!doctype html>');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toBe(contentSecurityPolicy);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it.each([
    ['GET', 'app://ringmaster/missing.js', 404],
    ['GET', 'app://ringmaster/..%2findex.html', 404],
    ['POST', pageUrl, 405],
  ])('refuses %s %s with %i and the policy', async (method, url, status) => {
    const response = await servePageFile({ method, url }, folder);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-security-policy')).toBe(contentSecurityPolicy);
  });
});

describe('the policy', () => {
  it('runs no script but our files', () => {
    expect(contentSecurityPolicy).toContain("default-src 'none'");
    expect(contentSecurityPolicy).toContain("script-src 'self';");
    expect(contentSecurityPolicy).not.toContain('unsafe-eval');
  });
});

describe('our own page', () => {
  const development = 'http://127.0.0.1:5173/';

  it.each([
    [pageUrl, null, true],
    ['app://ringmaster/other.html', null, true],
    ['app://ringmaster.evil/index.html', null, false],
    ['file:///index.html', null, false],
    ['about:blank', null, false],
    ['', null, false],
    ['http://127.0.0.1:5173/x', null, false],
    ['http://127.0.0.1:5173/x', development, true],
    ['http://127.0.0.1:5174/x', development, false],
    ['https://127.0.0.1:5173/x', development, false],
  ])('%s with development page %s: %s', (url, developmentUrl, own) => {
    expect(isOwnPage(url, developmentUrl)).toBe(own);
  });

  it.each([
    [pageUrl, null, true],
    ['data:image/png;base64,AA', null, true],
    ['https://example.com/', null, false],
    ['file:///etc/passwd', null, false],
    ['ws://127.0.0.1:5173/', null, false],
    ['ws://127.0.0.1:5173/', development, true],
    ['http://127.0.0.1:9000/', development, false],
    ['nonsense', development, false],
  ])('may load %s with development page %s: %s', (url, developmentUrl, may) => {
    expect(mayLoad(url, developmentUrl)).toBe(may);
  });
});

describe('the development page', () => {
  it('is taken from loopback only', () => {
    expect(developmentPage('http://127.0.0.1:5173', false)).toBe('http://127.0.0.1:5173/');
    expect(() => developmentPage('http://10.0.0.1:5173', false)).toThrow('127.0.0.1');
    expect(() => developmentPage('https://127.0.0.1:5173', false)).toThrow('127.0.0.1');
    expect(() => developmentPage('nonsense', false)).toThrow('127.0.0.1');
  });

  it('is never used in a package', () => {
    expect(developmentPage('http://127.0.0.1:5173', true)).toBeNull();
    expect(developmentPage(undefined, false)).toBeNull();
  });
});
