/**
 * The window's page and who may show it: `app://ringmaster/` from the folder of the built renderer, with a strict
 * content security policy. In development (never in a package) a page served on this machine's loopback instead.
 */
import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import { RingmasterError } from '../app/base/errors.js';

export const pageScheme = 'app';
const pageHost = 'ringmaster';

/** Address of the window's page. */
export const pageUrl = `${pageScheme}://${pageHost}/index.html`;

/**
 * Only our own files: no inline script or style, no eval, no frames, no forms, no network. Styles that components set
 * on their elements go through the object model, which the policy does not concern.
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "object-src 'none'",
].join('; ');

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** Headers that go with every answer, refusals included. */
const safeHeaders = {
  'Content-Security-Policy': contentSecurityPolicy,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/**
 * The file that an address means, or undefined when it is not ours to give: another host, an address that climbs out
 * of the folder, one that cannot be decoded, or a kind of file that a page has no use for.
 * @param folder absolute folder of the built renderer
 */
export function fileOfUrl(url: string, folder: string): string | undefined {
  try {
    const { protocol, host, pathname } = new URL(url);
    if (protocol !== `${pageScheme}:` || host !== pageHost) return undefined;
    const path = decodeURIComponent(pathname);
    if (path.includes('\0') || path.includes('\\')) return undefined;
    const file = normalize(join(folder, path === '/' ? 'index.html' : path));
    if (!file.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return undefined;
    return extname(file) in contentTypes ? file : undefined;
  } catch {
    return undefined;
  }
}

/** Answers one request of the page for one of its own files. */
export async function servePageFile(
  request: { readonly method: string; readonly url: string },
  folder: string,
): Promise<Response> {
  if (request.method !== 'GET') return new Response(null, { status: 405, headers: safeHeaders });
  const file = fileOfUrl(request.url, folder);
  const notFound = () => new Response('Not found', { status: 404, headers: safeHeaders });
  if (file === undefined) return notFound();
  try {
    const content = await readFile(file);
    const type = contentTypes[extname(file)] ?? 'application/octet-stream';
    return new Response(new Uint8Array(content), { headers: { ...safeHeaders, 'Content-Type': type } });
  } catch {
    return notFound();
  }
}

/** Is this an address of our own page, or of the page that development serves? */
export function isOwnPage(url: string, developmentUrl: string | null): boolean {
  try {
    const { protocol, host } = new URL(url);
    if (protocol === `${pageScheme}:` && host === pageHost) return true;
    if (developmentUrl === null) return false;
    const development = new URL(developmentUrl);
    return protocol === development.protocol && host === development.host;
  } catch {
    return false;
  }
}

/**
 * The page that development serves (RINGMASTER_RENDERER_URL), on this machine only and never in a package.
 * @throws RingmasterError option.invalid for any address that is not http on loopback
 */
export function developmentPage(value: string | undefined, isPackaged: boolean): string | null {
  if (value === undefined || value === '' || isPackaged) return null;
  const url = URL.canParse(value) ? new URL(value) : null;
  if (url?.protocol !== 'http:' || !['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)) {
    throw new RingmasterError('option.invalid', {
      option: 'RINGMASTER_RENDERER_URL',
      problem: 'only an http address on 127.0.0.1 is allowed',
      known: 'http://127.0.0.1:<port>/',
    });
  }
  return url.href;
}
