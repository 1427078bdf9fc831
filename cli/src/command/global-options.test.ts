import { describe, expect, it } from 'vitest';
import { splitArguments } from './global-options.ts';

describe('global options', () => {
  it('are taken out wherever they stand, the last one wins', () => {
    const { globals, rest } = splitArguments(
      ['--json', 'wallet', '--home', 'a', 'list', '--home=b', '--wide'],
      {},
    );
    expect(rest).toEqual(['wallet', 'list', '--wide']);
    expect(globals).toMatchObject({ json: true, home: 'b', nodeUrl: undefined, noColor: false });
  });

  it('do not reach behind --', () => {
    const { globals, rest } = splitArguments(['ai', 'ask', '--', '--json'], {});
    expect(rest).toEqual(['ai', 'ask', '--', '--json']);
    expect(globals.json).toBe(false);
  });

  it('come from the environment when no flag is given; an empty variable is none', () => {
    const env = { AITBC_HOME: '/env', AITBC_NODE_URL: '', NO_COLOR: '1' };
    expect(splitArguments([], env).globals).toMatchObject({
      home: '/env',
      nodeUrl: undefined,
      noColor: true,
    });
    expect(splitArguments(['--home', '/flag'], env).globals.home).toBe('/flag');
  });

  it('say which one lacks its value', () => {
    expect(splitArguments(['wallet', '--home'], {}).incomplete).toBe('--home');
  });

  it('leave a switch with a value to the parser, which refuses it', () => {
    expect(splitArguments(['--json=yes'], {}).rest).toEqual(['--json=yes']);
  });
});
