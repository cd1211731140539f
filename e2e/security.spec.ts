/** What a page must not be able to do, tried from inside the page. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from './support/console.js';

test.use({ settings: { nodes: 1, active: 0, connections: 0 } });

test('the window is sandboxed, isolated and holds no Node', async ({ console }) => {
  const seen = await console.page.evaluate(() => ({
    globals: ['require', 'process', 'module', 'Buffer', 'ipcRenderer', 'electron'].filter(
      (name) => name in globalThis,
    ),
    bridge: Object.keys(window.ringmaster).sort(),
    frozen: Object.isFrozen(window.ringmaster),
  }));
  expect(seen).toEqual({ globals: [], bridge: ['onPush', 'platform', 'request'], frozen: true });
  const preferences = await console.app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents;
    // Not in the public types, but the only way to see what the window was really made with.
    return (
      contents as unknown as { getLastWebPreferences(): Electron.WebPreferences }
    ).getLastWebPreferences();
  });
  expect(preferences).toMatchObject({
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
    webSecurity: true,
    webviewTag: false,
  });
});

test('the page comes under a strict policy and cannot run what is not ours', async ({ console }) => {
  const { page } = console;
  const policy = await page.evaluate(async () =>
    (await fetch(location.href)).headers.get('content-security-policy'),
  );
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toContain('unsafe');
  const ran = await page.evaluate(() => {
    const mark = globalThis as unknown as { intruded?: string };
    const script = document.createElement('script');
    script.textContent = "globalThis.intruded = 'inline script'";
    document.body.append(script);
    const image = document.createElement('img');
    image.setAttribute('onerror', "globalThis.intruded = 'event handler'");
    image.src = 'data:,';
    document.body.append(image);
    return new Promise((resolve) => {
      image.addEventListener('error', () => resolve(mark.intruded ?? 'nothing'));
    });
  });
  expect(ran).toBe('nothing');
});

test('the window does not leave, open windows, or reach the network and files', async ({ console }) => {
  const { app, page } = console;
  const home = page.url();
  expect(home).toBe('app://ringmaster/index.html');
  for (const url of ['https://example.com/', 'file:///etc/passwd', 'data:text/html,hello']) {
    await page.evaluate((target) => {
      location.href = target;
    }, url);
    expect(await page.evaluate((target) => window.open(target) === null, url)).toBe(true);
  }
  expect(page.url()).toBe(home);
  expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1);
  const answers = await page.evaluate(
    (urls) =>
      Promise.all(
        urls.map((url) =>
          fetch(url).then(
            (response) => response.status,
            () => 'refused',
          ),
        ),
      ),
    [
      'https://example.com/',
      'file:///etc/passwd',
      'app://ringmaster/..%2f..%2fpackage.json',
      'app://ringmaster/missing.js',
    ],
  );
  expect(answers).toEqual(['refused', 'refused', 404, 404]);
  expect(await page.evaluate(() => Notification.requestPermission())).toBe('denied');
});

test('unknown and malformed requests, and changes without a gesture, are refused', async ({ console }) => {
  const { page, userData } = console;
  const ask = (name: string, payload: unknown) =>
    page.evaluate(
      async ([name, payload]) => {
        const request = window.ringmaster.request as (name: unknown, payload: unknown) => Promise<unknown>;
        return request(name, payload);
      },
      [name, payload] as const,
    );
  expect(await ask('plan.erase', {})).toMatchObject({ ok: false, error: { code: 'request.unknown' } });
  expect(await ask('__proto__', {})).toMatchObject({ ok: false, error: { code: 'request.unknown' } });
  expect(await ask('plan.run', { plan: 7 })).toMatchObject({ ok: false, error: { code: 'request.invalid' } });
  // The test's own commands count as a gesture for a while; a script in the page that waits is none.
  const later = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const look = () => {
          if (navigator.userActivation.isActive) return void setTimeout(look, 100);
          resolve(window.ringmaster.request('plan.run', { plan: 'p1' as never, maintenance: null }));
        };
        look();
      }),
  );
  expect(later).toMatchObject({ ok: false, error: { code: 'request.forbidden' } });
  const audit = await readFile(join(userData, 'audit.log'), 'utf8');
  const lines = audit
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.at(-1)).toMatchObject({
    request: 'plan.run',
    payload: { plan: 'p1', maintenance: null },
    outcome: 'refused',
    error: 'request.forbidden',
  });
});
