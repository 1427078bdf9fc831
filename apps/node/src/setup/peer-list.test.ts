import { describe, expect, it } from 'vitest';
import { peersFromText } from './peer-list.ts';

const key = 'ab'.repeat(32);

describe('a list of peers', () => {
  it('has hosts, ports and, where they are pinned, keys', () => {
    expect(peersFromText(` a.example:8007, ${key}@127.0.0.1:1 ,[::1]:65535,`)).toEqual([
      { host: 'a.example', port: 8007 },
      { host: '127.0.0.1', port: 1, publicKey: key },
      { host: '::1', port: 65_535 },
    ]);
    expect(peersFromText(undefined)).toEqual([]);
    expect(peersFromText('')).toEqual([]);
  });

  it.each(['a', 'a:0', 'a:65536', ':8007', 'xyz@a:1', `${key}@:1`, 'a:1:2', 'a b:1', 'a:1;b:2'])(
    'names the entry it cannot read: %s',
    (entry) => {
      expect(() => peersFromText(`ok:1,${entry}`)).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          message: expect.stringContaining(entry),
        }),
      );
    },
  );
});
