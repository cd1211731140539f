import { describe, expect, it } from 'vitest';
import { RingmasterError } from '../app/base/errors.js';
import { environmentName, ownArguments, parseOptions } from './options.js';

const problemOf = (run: () => unknown): RingmasterError => {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof RingmasterError) return thrown;
    throw thrown;
  }
  throw new Error('it was accepted');
};

describe('options of the console', () => {
  it('has defaults for everything', () => {
    expect(parseOptions([], {})).toEqual({
      labFolder: null,
      nodes: 3,
      active: 1,
      port: 6033,
      connections: 350,
      recovery: null,
      theme: null,
    });
  });

  it('reads both spellings of a value', () => {
    const options = parseOptions(['--nodes', '5', '--lab-folder=/tmp/lab', '--theme=dark'], {});
    expect(options).toMatchObject({ nodes: 5, labFolder: '/tmp/lab', theme: 'dark' });
    expect(parseOptions(['--recovery', 'off'], {})).toMatchObject({ recovery: false });
  });

  it('prefers the command line to the environment', () => {
    const environment = { [environmentName('port')]: '7000', [environmentName('lab-folder')]: '/tmp/other' };
    expect(parseOptions(['--port', '7001'], environment)).toMatchObject({
      port: 7001,
      labFolder: '/tmp/other',
    });
  });

  it('passes over what Chromium and the inspector read themselves', () => {
    const args = [
      '--inspect=0',
      '--remote-debugging-port=0',
      '--no-sandbox',
      '--disable-gpu',
      '--active',
      '0',
    ];
    expect(parseOptions(args, {}).active).toBe(0);
  });

  it.each([
    [['--node', '3'], '--node', 'no such option'],
    [['--nodes', 'many'], '--nodes', 'number'],
    [['--nodes', '0'], '--nodes', '>=1'],
    [['--port', '70000'], '--port', '<=65535'],
    [['--theme', 'pink'], '--theme', '"dark"'],
    [['--active', '4'], '--active', 'only 3 nodes'],
    [['--nodes'], '--nodes', 'needs a value'],
    [['db1'], 'db1', 'not an option'],
  ])('refuses %j and names %s', (args, option, problem) => {
    const error = problemOf(() => parseOptions(args, {}));
    expect(error.code).toBe('option.invalid');
    expect(error.message).toContain(option);
    expect(error.message).toContain(problem);
    expect(error.remedy).toContain('--lab-folder');
  });

  it('names the variable when the environment is at fault', () => {
    const error = problemOf(() => parseOptions([], { RINGMASTER_CONNECTIONS: '-1' }));
    expect(error.message).toContain('RINGMASTER_CONNECTIONS');
  });
});

describe('own arguments', () => {
  it('leaves out the executable and the folder of the program', () => {
    const argv = ['/x/electron', '--no-sandbox', '/work', '--nodes', '3'];
    expect(ownArguments(argv, true)).toEqual(['--no-sandbox', '--nodes', '3']);
  });

  it('keeps everything of a packaged program', () => {
    expect(ownArguments(['/opt/ringmaster', '--nodes', '3'], false)).toEqual(['--nodes', '3']);
  });
});
