/** A screen for windows that nobody looks at: Xvfb, in a place that nobody else uses. */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { findProgram } from './run.js';

/** A running virtual screen. */
export interface VirtualDisplay {
  /** Value of DISPLAY, such as `:99`. */
  readonly name: string;
  stop(): void;
}

/** An environment whose windows open on this virtual screen, whatever screen the person has. */
export function environmentFor(display: VirtualDisplay): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env, DISPLAY: display.name };
  delete environment.WAYLAND_DISPLAY;
  return environment;
}

/** Does this environment have a screen to show windows on? macOS and Windows always do. */
export function hasDisplay(environment: NodeJS.ProcessEnv = process.env): boolean {
  if (process.platform !== 'linux') return true;
  return Boolean(environment.DISPLAY || environment.WAYLAND_DISPLAY);
}

/**
 * Starts Xvfb on a free display number. It ends with this process.
 * @param size in pixels, such as `2560x1440`
 * @throws Error when Xvfb is missing or ends at once.
 */
export async function startVirtualDisplay(size = '2560x1440'): Promise<VirtualDisplay> {
  const program = findProgram('Xvfb');
  if (program === undefined) throw new Error('Xvfb is not installed; run: npm run prepare:machine');
  const child = spawn(
    program,
    ['-displayfd', '3', '-screen', '0', `${size}x24`, '-nolisten', 'tcp', '-noreset', '-dpi', '96'],
    { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] },
  );
  const stop = () => void child.kill('SIGTERM');
  process.once('exit', stop);
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk).slice(-2000);
  });
  const number = await new Promise<string>((resolve, reject) => {
    let text = '';
    const answers = child.stdio[3] as Readable;
    answers.on('data', (chunk: Buffer) => {
      text += chunk;
      if (text.includes('\n')) resolve(text.trim());
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Xvfb ended with exit code ${code}: ${complaint.trim()}`)));
  });
  child.unref();
  return {
    name: `:${number}`,
    stop() {
      process.off('exit', stop);
      stop();
    },
  };
}
