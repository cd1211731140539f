/** The terminal, or whatever stands in its place: a pipe, a file, a test. */
import { clearScreenDown, cursorTo, moveCursor } from 'node:readline';
import { createInterface } from 'node:readline/promises';
import type { Clock } from '../base/clock.js';
import { cutTo } from './text/table.js';

export interface Terminal {
  /** Says lines on standard output, below what was painted. */
  say(lines: readonly string[]): void;
  /** Says lines on standard error. */
  complain(lines: readonly string[]): void;
  /** Replaces what was painted last. Only where `isLive`. */
  paint(lines: readonly string[]): void;
  /** Can output be painted over? */
  readonly isLive: boolean;
  /** Is there somebody who can be asked? */
  readonly canAsk: boolean;
  /** @returns false too when the question was cut off by Ctrl-C or the end of input */
  ask(question: string): Promise<boolean>;
  /** Calls `listener` on each Ctrl-C instead of ending the program, until the returned function is called. */
  onInterrupt(listener: () => void): () => void;
}

/** A terminal and npm may each deliver the same Ctrl-C: repeats within this time count as one. */
const sameInterruptMs = 500;

/** The streams of this process. */
export function processTerminal(clock: Clock): Terminal {
  const { stdin, stdout, stderr } = process;
  let painted = 0;
  const write = (lines: readonly string[]) => stdout.write(lines.map((line) => `${line}\n`).join(''));
  return {
    isLive: stdout.isTTY === true,
    canAsk: stdin.isTTY === true && stdout.isTTY === true,
    say(lines) {
      painted = 0;
      write(lines);
    },
    complain(lines) {
      painted = 0;
      stderr.write(lines.map((line) => `${line}\n`).join(''));
    },
    paint(lines) {
      // What has left the screen at its top cannot be painted over.
      const fitting = lines.slice(0, Math.max(1, (stdout.rows ?? 24) - 1));
      if (painted > 0) moveCursor(stdout, 0, -painted);
      cursorTo(stdout, 0);
      clearScreenDown(stdout);
      write(fitting.map((line) => cutTo(line, (stdout.columns ?? 80) - 1)));
      painted = fitting.length;
    },
    async ask(question) {
      const reader = createInterface({ input: stdin, output: stdout });
      const cutOff = new AbortController();
      reader.once('SIGINT', () => cutOff.abort());
      reader.once('close', () => cutOff.abort());
      try {
        const answer = await reader.question(`${question} [y/N] `, { signal: cutOff.signal });
        return /^y(es)?$/i.test(answer.trim());
      } catch (thrown) {
        if (!cutOff.signal.aborted) throw thrown;
        stdout.write('\n');
        return false;
      } finally {
        reader.close();
      }
    },
    onInterrupt(listener) {
      let lastMs = Number.NEGATIVE_INFINITY;
      const interrupted = () => {
        const nowMs = clock.monotonicMs();
        if (nowMs - lastMs < sameInterruptMs) return;
        lastMs = nowMs;
        listener();
      };
      process.on('SIGINT', interrupted);
      return () => void process.off('SIGINT', interrupted);
    },
  };
}
