/** `npm run build`: the window and every Node program, into out/. What has not changed is not built again. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { InlineConfig } from 'vite';
import { hashInputs } from './support/inputs.js';
import { nodeBundle, nodePrograms, type Program } from './support/programs.js';
import { projectFolder } from './support/run.js';

const outFolder = join(projectFolder, 'out');
const stampFolder = join(projectFolder, '.cache/build');

/** Something that is built as one: what decides it, what proves that it is there, and its recipe. */
interface Bundle {
  readonly name: string;
  readonly sources: readonly string[];
  readonly output: string;
  readonly recipe: InlineConfig;
}

function allBundles(): Bundle[] {
  const programs = (Object.keys(nodePrograms) as Program[]).map((program) => ({
    name: program,
    sources: ['app', 'main'],
    output: `${program}.cjs`,
    recipe: nodeBundle(program),
  }));
  const window = {
    name: 'renderer',
    sources: ['renderer', 'app/contract', 'app/model', 'app/base'],
    output: 'renderer/index.html',
    recipe: { configFile: join(projectFolder, 'vite.config.ts'), logLevel: 'warn' as const },
  };
  return [...programs, window];
}

/** Builds what changed. Answers the names of what was built. */
export async function buildAll(): Promise<string[]> {
  const built = await Promise.all(
    allBundles().map(async (bundle) => ((await buildOne(bundle)) ? [bundle.name] : [])),
  );
  return built.flat();
}

async function buildOne({ name, sources, output, recipe }: Bundle): Promise<boolean> {
  const stamp = join(stampFolder, name.replaceAll('/', '-'));
  const inputs = await hashInputs(sources);
  const last = await readFile(stamp, 'utf8').catch(() => '');
  if (last === inputs && existsSync(join(outFolder, output))) return false;
  // Without a stamp, an interrupted build is never taken for a whole one.
  await rm(stamp, { force: true });
  // The bundler is loaded only when there is something to bundle: most starts have nothing new.
  const { build } = await import('vite');
  await build(recipe);
  await mkdir(dirname(stamp), { recursive: true });
  await writeFile(stamp, inputs);
  return true;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const built = await buildAll();
  console.log(built.length === 0 ? 'Nothing changed since the last build.' : `Built ${built.join(', ')}.`);
}
