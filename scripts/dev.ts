/**
 * `npm run dev`: the console with sources that reload. The window comes from Vite's server and updates in place; a
 * change of any Node program restarts Electron.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, createServer, type InlineConfig } from 'vite';
import { prepareOrExit } from './prepare.js';
import { type Launch, prepareLaunch } from './support/launch.js';
import { nodeBundle, nodePrograms, type Program } from './support/programs.js';
import { projectFolder } from './support/run.js';

/** Several bundles end within this time after one change: one restart is enough. */
const settleMs = 300;

/** Electron, restarted on demand; when it ends by itself (the window was closed), so do we. */
class Console {
  private child: ChildProcess | undefined;
  private readonly launch: Launch;
  private readonly onClosed: () => void;

  constructor(launch: Launch, onClosed: () => void) {
    this.launch = launch;
    this.onClosed = onClosed;
  }

  async restart(): Promise<void> {
    await this.stop();
    const { executable, args, environment } = this.launch;
    const child = spawn(executable, args, { cwd: projectFolder, env: environment, stdio: 'inherit' });
    this.child = child;
    child.once('exit', () => {
      if (this.child === child) this.onClosed();
    });
  }

  stop(): Promise<void> {
    const child = this.child;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null) return Promise.resolve();
    return new Promise((done) => {
      child.once('exit', () => done());
      child.kill('SIGTERM');
    });
  }
}

/** Builds every Node program on each change; resolves when all are built once. */
async function watchPrograms(onRebuilt: () => void): Promise<void> {
  let building = 0;
  let settle: NodeJS.Timeout | undefined;
  const firstBuilds = (Object.keys(nodePrograms) as Program[]).map(async (program) => {
    const recipe: InlineConfig = nodeBundle(program);
    const watcher = await build({ ...recipe, build: { ...recipe.build, watch: {} } });
    if (!('on' in watcher)) throw new Error(`Vite does not watch ${program}`);
    await new Promise<void>((built) => {
      watcher.on('event', (event) => {
        if (event.code === 'START') {
          building++;
          clearTimeout(settle);
        }
        if (event.code !== 'END' && event.code !== 'ERROR') return;
        building--;
        built();
        // What does not build changes nothing: the console goes on with what it has.
        if (event.code === 'ERROR') console.error(event.error.message);
        else if (building === 0) {
          clearTimeout(settle);
          settle = setTimeout(onRebuilt, settleMs);
        }
      });
    });
  });
  await Promise.all(firstBuilds);
}

await prepareOrExit('start');
const server = await createServer({
  configFile: join(projectFolder, 'vite.config.ts'),
  server: { host: '127.0.0.1', strictPort: false },
});
await server.listen();
const url = server.resolvedUrls?.local[0];
if (url === undefined) throw new Error('Vite gives no address for the window');
console.log(`The window comes from ${url}`);

const launch = await prepareLaunch(process.argv.slice(2), console.log);
const end = async () => {
  await window.stop();
  launch.end();
  await server.close();
  process.exit();
};
const window = new Console(
  { ...launch, environment: { ...launch.environment, RINGMASTER_RENDERER_URL: url } },
  () => void end(),
);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end());
await watchPrograms(() => void window.restart());
