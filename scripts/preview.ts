/**
 * Takes a picture of every scene of the console in light and dark at three sizes, for looking at:
 * `npx tsx scripts/preview.ts <folder> [scene …]`. Wants Chromium in CHROMIUM or /usr/bin/chromium.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright';
import { build } from 'vite';

interface Shot {
  readonly name: string;
  readonly query: string;
  readonly act?: (page: Page) => Promise<void>;
}

const menu = async (page: Page, node: string): Promise<void> => {
  await page.getByTestId(`node-${node}`).click({ button: 'right' });
  await page.getByTestId('menu-active').waitFor();
};
const propose = async (page: Page): Promise<void> => {
  await menu(page, 'db3');
  await page.getByTestId('menu-active').click();
  await page.getByTestId('plan-confirm').waitFor();
};

const openSessions = async (page: Page): Promise<void> => {
  await page.getByRole('tab', { name: 'Sessions' }).click();
  await page.getByTestId('decision').first().waitFor();
};

const shots: readonly Shot[] = [
  { name: 'starting', query: 'scene=starting' },
  { name: 'one', query: 'scene=one&live' },
  { name: 'proposed', query: 'scene=two', act: propose },
  { name: 'joining', query: 'scene=joining' },
  { name: 'three', query: 'scene=three' },
  { name: 'failed', query: 'scene=failed', act: (page) => page.getByTestId('node-db2').click() },
  { name: 'plan-failed', query: 'scene=plan-failed' },
  { name: 'menu', query: 'scene=two', act: (page) => menu(page, 'db3') },
  { name: 'menu-disabled', query: 'scene=one', act: (page) => menu(page, 'db1') },
  {
    name: 'dialog',
    query: 'scene=one',
    act: async (page) => {
      await page.getByTestId('lab-reset').click();
      await page.getByTestId('reset-name').fill('La');
    },
  },
  {
    name: 'maintenance-proposed',
    query: 'scene=three',
    act: async (page) => {
      await menu(page, 'db3');
      await page.getByTestId('menu-maintenance').click();
      await page.getByTestId('maintenance-reason').fill('new disks in bay 4, ticket OPS-1182');
    },
  },
  { name: 'maintenance', query: 'scene=maintenance', act: (page) => page.getByTestId('node-db3').click() },
  { name: 'overdue', query: 'scene=overdue', act: (page) => page.getByTestId('node-db3').click() },
  { name: 'long', query: 'scene=long' },
  { name: 'sessions', query: 'scene=two&live', act: openSessions },
  {
    name: 'policies',
    query: 'scene=two',
    act: async (page) => {
      await page.getByTestId('policy-pill').click();
      await page.getByTestId('policy-weighted').click();
      await page.getByTestId('weight-db2').fill('0');
    },
  },
  {
    name: 'explained',
    query: 'scene=two',
    act: async (page) => {
      await openSessions(page);
      await page.getByTestId('decision').nth(2).click();
      await page.getByTestId('explanation').waitFor();
    },
  },
  {
    name: 'sessions-long',
    query: 'scene=long',
    act: async (page) => {
      await page.getByTestId('node-production-frankfurt-rack4-db01').click();
      await openSessions(page);
    },
  },
  { name: 'seven', query: 'scene=seven' },
  { name: 'nine', query: 'scene=nine' },
  { name: 'problem', query: 'scene=problem' },
  {
    name: 'events',
    query: 'scene=three',
    act: async (page) => {
      await page.getByTestId('events-toggle').click();
      await page
        .getByTestId('chart-cpu')
        .locator('.plot')
        .hover({ force: true, position: { x: 150, y: 8 } })
        .catch(() => undefined);
    },
  },
  {
    name: 'cursor',
    query: 'scene=three',
    act: (page) =>
      page
        .getByTestId('chart-cpu')
        .locator('.plot')
        .hover({ position: { x: 180, y: 40 } }),
  },
];

const sizes = [
  { width: 1024, height: 612 },
  { width: 1280, height: 800 },
  { width: 2560, height: 1440 },
];

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.woff2': 'font/woff2',
};

async function take(browser: Browser, address: string, folder: string, shot: Shot): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const viewport of sizes) {
      const page = await browser.newPage({ viewport, colorScheme });
      page.on('console', (message) => {
        if (message.type() === 'error') console.error(`${shot.name}: ${message.text()}`);
      });
      page.on('pageerror', (error) => console.error(`${shot.name}: ${error.message}`));
      await page.goto(`${address}/preview.html?${shot.query}`);
      await page.getByTestId('sentence').waitFor();
      await page.evaluate(() => document.fonts.ready);
      await shot.act?.(page);
      await page.screenshot({ path: join(folder, `${shot.name}-${colorScheme}-${viewport.width}.png`) });
      await page.close();
    }
  }
}

await build({ configFile: resolve(import.meta.dirname, 'preview.config.ts'), logLevel: 'warn' });
const [folder = '.cache/screenshots', ...wanted] = process.argv.slice(2);
const built = resolve(import.meta.dirname, '../.cache/preview');
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  readFile(join(built, pathname)).then(
    (content) =>
      response.writeHead(200, { 'content-type': types[extname(pathname)] ?? 'text/plain' }).end(content),
    () => response.writeHead(404).end(),
  );
});
await mkdir(folder, { recursive: true });
await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
const { port } = server.address() as AddressInfo;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
});
try {
  for (const shot of shots) {
    if (wanted.length === 0 || wanted.includes(shot.name))
      await take(browser, `http://127.0.0.1:${port}`, folder, shot);
  }
} finally {
  await browser.close();
  server.close();
}
