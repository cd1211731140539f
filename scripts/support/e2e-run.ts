/** One run of the end-to-end tests on a screen of their own. */
import { environmentFor, startVirtualDisplay } from './display.js';
import { electronExecutable } from './electron.js';
import { runInOurPlace, toolPath } from './run.js';

/**
 * Runs Playwright; the app must be built.
 * @param playwrightArguments handed on, such as a file or `--grep light`
 * @param environment added to ours
 * @returns its exit code.
 */
export async function runEndToEnd(
  playwrightArguments: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<number> {
  const executable = await electronExecutable();
  const display = await startVirtualDisplay('2560x1440');
  try {
    return await runInOurPlace(
      toolPath('playwright'),
      ['test', '--config', 'e2e/playwright.config.ts', ...playwrightArguments],
      { ...environmentFor(display), RINGMASTER_ELECTRON: executable, ...environment },
    );
  } finally {
    display.stop();
  }
}
