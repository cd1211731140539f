/** How the console is started from its sources: which Electron, which arguments, which screen. */
import { environmentFor, hasDisplay, startVirtualDisplay } from './display.js';
import { electronExecutable } from './electron.js';
import { isRoot, projectFolder } from './run.js';

/** Everything that starts the console. */
export interface Launch {
  readonly executable: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** Takes the screen away again, if one was started. */
  readonly end: () => void;
}

/**
 * @param appArguments handed on to the console
 * @param say is told, in a sentence, when the window opens where nobody looks
 */
export async function prepareLaunch(
  appArguments: readonly string[],
  say: (sentence: string) => void,
): Promise<Launch> {
  const args = [...platformArguments(process.env, isRoot), projectFolder, ...appArguments];
  const executable = await electronExecutable(say);
  if (hasDisplay()) return { executable, args, environment: withoutNodeMode(process.env), end: () => {} };
  const display = await startVirtualDisplay();
  say(
    `There is no display here: the window opens on the virtual display ${display.name} (Xvfb). ` +
      `Programs that show or copy a screen find it with DISPLAY=${display.name}.`,
  );
  return {
    executable,
    args,
    environment: withoutNodeMode(environmentFor(display)),
    end: () => display.stop(),
  };
}

/** Chromium's own arguments for this environment. */
export function platformArguments(environment: NodeJS.ProcessEnv, asRoot: boolean): string[] {
  const args: string[] = [];
  // Chromium's sandbox refuses to start for root. Nobody else gives it up, and packages never do.
  if (asRoot) args.push('--no-sandbox');
  if (!environment.DISPLAY && environment.WAYLAND_DISPLAY) args.push('--ozone-platform-hint=auto');
  return args;
}

/** ELECTRON_RUN_AS_NODE, inherited from a program that is Electron itself, would start no window. */
function withoutNodeMode(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { ELECTRON_RUN_AS_NODE: _, ...rest } = environment;
  return rest;
}
