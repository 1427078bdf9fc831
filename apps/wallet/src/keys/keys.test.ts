import { bytesFromHex, createManualClock, hex, keyPairFromSeed } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { derivationPath, freshMnemonic, seedFromMaster, seedFromMnemonic } from './derive-seed.ts';
import { addressOfKey, type Keystore, keystoreFromJson, openSeed, sealSeed } from './keystore.ts';
import { createPasswordGate } from './password-gate.ts';
import { createUnlockedKeys } from './unlocked-keys.ts';

const cost = { memoryKib: 64, passes: 1 };
const bytes = (text: string) => bytesFromHex(text, text.length / 2) ?? new Uint8Array(0);
const seed = () => Uint8Array.from({ length: 32 }, (_, index) => index);
const addressOfSeed = (bytesOfSeed: Uint8Array) => addressOfKey(keyPairFromSeed(bytesOfSeed));

// SLIP-0010, "Test vector 1 for ed25519"
test.each([
  ['m', '2b4be7f19ee27bbf30c667b642d5f4aa69fd169872f8fc3059c08ebae2eb19e7'],
  ["m/0'", '68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3'],
  ["m/0'/1'", 'b1d0bad404bf35da785a64ca1ac54b2617211d2777696fbffaf208f746ae84f2'],
  ["m/0'/1'/2'/2'/1000000000'", '8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793'],
])('the official SLIP-0010 vector holds at %s', (path, expected) => {
  const master = bytes('000102030405060708090a0b0c0d0e0f');
  expect(hex(seedFromMaster(master, path))).toBe(expected);
});

test('words become the BIP-39 master seed, and then the seed at our path', async () => {
  const words = `${'abandon '.repeat(23)}art`;
  const master = bytes(
    '408b285c123836004f4b8842c89324c1f01382450c0d439af345ba7fc49acf705489c6fc77dbd4e3dc1dd8cc6bc9f043db8ada1e243c4a0eafb290d399480840',
  );
  const expected = hex(seedFromMaster(master, derivationPath));
  expect(hex(await seedFromMnemonic(words))).toBe(expected);
  expect(hex(await seedFromMnemonic(`  ${words.toUpperCase().replaceAll(' ', '\n')} `))).toBe(
    expected,
  );
});

test('fresh words are 24, differ, and open; wrong words are refused', async () => {
  const [first, second] = [freshMnemonic(), freshMnemonic()];
  expect(first.split(' ')).toHaveLength(24);
  expect(first).not.toBe(second);
  expect(await seedFromMnemonic(first)).toHaveLength(32);
  const refused = { code: 'WALLET_SECRET_INVALID' };
  await expect(seedFromMnemonic('abandon '.repeat(24))).rejects.toMatchObject(refused);
  await expect(seedFromMnemonic('')).rejects.toMatchObject(refused);
});

test('a sealed seed opens with its password only, also when that is typed in another form', async () => {
  const keystore = await sealSeed(seed(), 'pässword', cost);
  expect(keystore.address).toBe(addressOfSeed(seed()));
  expect(JSON.stringify(keystore)).not.toContain(hex(seed()));
  expect(await openSeed(keystore, 'pa\u0308ssword')).toEqual(seed());
  const wrong = { code: 'WALLET_PASSWORD_WRONG', facts: { account: keystore.address } };
  await expect(openSeed(keystore, 'password')).rejects.toMatchObject(wrong);
});

test('the same seed and password never give the same file', async () => {
  const [first, second] = [await sealSeed(seed(), 'p', cost), await sealSeed(seed(), 'p', cost)];
  expect(first.cipher).not.toEqual(second.cipher);
  expect(first.kdf.salt).not.toBe(second.kdf.salt);
});

test('every field of a keystore is authenticated', async () => {
  const keystore = await sealSeed(seed(), 'p', cost);
  const other = addressOfSeed(seed().reverse());
  const flipped = keystore.cipher.text.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
  const changed: Keystore[] = [
    { ...keystore, address: other },
    { ...keystore, kdf: { ...keystore.kdf, passes: 2 } },
    { ...keystore, cipher: { ...keystore.cipher, text: flipped } },
  ];
  for (const one of changed) {
    await expect(openSeed(one, 'p')).rejects.toMatchObject({ code: 'WALLET_PASSWORD_WRONG' });
  }
});

test('a keystore that asks for too much memory, or is anything else, is refused', async () => {
  const keystore = await sealSeed(seed(), 'p', cost);
  const huge = { ...keystore, kdf: { ...keystore.kdf, memoryKib: 2 ** 30 } };
  for (const json of [huge, {}, null, 'x', { ...keystore, more: 1 }, { ...keystore, version: 2 }]) {
    expect(() => keystoreFromJson(json)).toThrow(
      expect.objectContaining({ code: 'WALLET_SECRET_INVALID' }),
    );
  }
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      expect(() => keystoreFromJson(json)).toThrow(AppError);
    }),
  );
  expect(keystoreFromJson(JSON.parse(JSON.stringify(keystore)))).toEqual(keystore);
});

const wrongPassword = () => Promise.reject(new AppError('WALLET_PASSWORD_WRONG', { account: 'a' }));

test('after three wrong passwords an account rests longer and longer, others do not', async () => {
  const clock = createManualClock(1_000);
  const gate = createPasswordGate({ clock });
  let tries = 0;
  const attempt = () =>
    gate
      .pass('a', () => {
        tries += 1;
        return wrongPassword();
      })
      .catch((error: AppError) => error.code);
  for (let count = 0; count < 3; count += 1) expect(await attempt()).toBe('WALLET_PASSWORD_WRONG');
  expect(await attempt()).toBe('RATE_LIMITED');
  expect(tries).toBe(3);
  expect(await gate.pass('b', async () => 'fine')).toBe('fine');
  clock.advance(1_000);
  expect(await attempt()).toBe('WALLET_PASSWORD_WRONG');
  clock.advance(1_000);
  expect(await attempt()).toBe('RATE_LIMITED');
  clock.advance(1_000);
  expect(await gate.pass('a', async () => 'right')).toBe('right');
  expect(await attempt()).toBe('WALLET_PASSWORD_WRONG');
});

test('passwords are tried one at a time, and only a few callers may wait', async () => {
  const gate = createPasswordGate({ clock: createManualClock() });
  let running = 0;
  let most = 0;
  const release: (() => void)[] = [];
  const work = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((done) => release.push(done));
    running -= 1;
  };
  const all = Array.from({ length: 9 }, (_, index) => gate.pass(`a${index}`, work));
  await expect(all[8]).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  for (let count = 0; count < 8; count += 1) {
    await expect.poll(() => release.length).toBe(count + 1);
    release[count]?.();
  }
  await Promise.all(all.slice(0, 8));
  expect(most).toBe(1);
});

test('guesses that wait together do not slip past the rest', async () => {
  const gate = createPasswordGate({ clock: createManualClock() });
  const guesses = Array.from({ length: 8 }, () =>
    gate.pass('a', wrongPassword).catch((error: AppError) => error.code),
  );
  const codes = await Promise.all(guesses);
  expect(codes.filter((code) => code === 'WALLET_PASSWORD_WRONG')).toHaveLength(3);
});

function keyRing() {
  const clock = createManualClock();
  const timers: { delayMs: number; run: () => void }[] = [];
  const keys = createUnlockedKeys({
    clock,
    timer(delayMs, run) {
      const timer = { delayMs, run };
      timers.push(timer);
      return () => timers.splice(timers.indexOf(timer), 1);
    },
  });
  return { clock, timers, keys };
}

test('a key is there until its time is up, and its bytes are wiped when it goes', () => {
  const { clock, timers, keys } = keyRing();
  keys.unlock('a', seed(), 1_000);
  const secret = keys.secretKeyOf('a');
  expect(secret).toHaveLength(64);
  expect(keys.unlockedUntilMs('a')).toBe(1_000);
  clock.advance(1_000);
  timers.shift()?.run();
  expect(secret.every((byte) => byte === 0)).toBe(true);
  expect(keys.unlockedUntilMs('a')).toBe(null);
  expect(() => keys.secretKeyOf('a')).toThrow(expect.objectContaining({ code: 'WALLET_LOCKED' }));
});

test('the time counts even when the timer is late', () => {
  const { clock, keys } = keyRing();
  keys.unlock('a', seed(), 1_000);
  clock.advance(1_001);
  expect(() => keys.secretKeyOf('a')).toThrow(expect.objectContaining({ code: 'WALLET_LOCKED' }));
});

test('a time-out longer than a timer can wait is waited for in parts', () => {
  const { clock, timers, keys } = keyRing();
  const month = 30 * 24 * 3_600_000;
  keys.unlock('a', seed(), month);
  const first = timers.shift();
  clock.advance(first?.delayMs ?? 0);
  first?.run();
  expect(keys.unlockedUntilMs('a')).toBe(month);
  const second = timers.shift();
  expect((first?.delayMs ?? 0) + (second?.delayMs ?? 0)).toBe(month);
});

test('unlocking again replaces the key and its time, locking all wipes all', () => {
  const { timers, keys } = keyRing();
  keys.unlock('a', seed(), 1_000);
  const old = keys.secretKeyOf('a');
  keys.unlock('a', seed(), 5_000);
  expect(old.every((byte) => byte === 0)).toBe(true);
  expect(timers).toHaveLength(1);
  expect(keys.unlockedUntilMs('a')).toBe(5_000);
  keys.lockAll();
  expect(timers).toHaveLength(0);
  expect(keys.unlockedUntilMs('a')).toBe(null);
});
