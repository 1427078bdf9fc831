import { describe, expect, it } from 'vitest';
import { isPrivateAddress, isPrivateUrl } from './private-address.ts';

describe('private addresses', () => {
  it.each([
    'http://127.0.0.1:8008',
    'http://localhost:8008',
    'http://provider:8008',
    'http://box.local',
    'http://10.1.2.3',
    'http://172.16.0.1',
    'http://172.31.255.255',
    'http://192.168.1.1',
    'http://169.254.169.254',
    'http://100.64.0.1',
    'http://0.0.0.0',
    'http://2130706433',
    'http://0x7f.1',
    'http://017700000001',
    'http://224.0.0.1',
    'http://255.255.255.255',
    'http://[::1]:8008',
    'http://[::]',
    'http://[fe80::1]',
    'http://[fd00::1]',
    'http://[::ffff:127.0.0.1]',
    'http://[::ffff:8.8.8.8]',
    'http://[2002:7f00:1::]',
    'http://[64:ff9b::7f00:1]',
  ])('takes %s for private', (url) => {
    expect(isPrivateUrl(url)).toBe(true);
  });

  it.each([
    'https://provider.example.com',
    'http://8.8.8.8:8008',
    'http://172.32.0.1',
    'http://[2606:4700::1]',
  ])('takes %s for public', (url) => {
    expect(isPrivateUrl(url)).toBe(false);
  });

  it('judges resolved addresses', () => {
    expect(isPrivateAddress('::ffff:10.0.0.1')).toBe(true);
    expect(isPrivateAddress('not an address')).toBe(true);
    expect(isPrivateAddress('1.2.3.4')).toBe(false);
  });
});
