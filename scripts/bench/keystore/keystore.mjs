/**
 * What does a guess at the password of a keystore cost? A thief of the database or of an exported file has to run
 * argon2id once for each guess; this runs what the wallet runs, with its default cost, on a password that is wrong.
 *
 *   npm run build && node scripts/bench/keystore/keystore.mjs [guesses, default 10]
 *
 * Time is that of one core (argon2id has one lane). The share of memory is what one more guess at the same time needs, so a
 * graphics card is bounded by its memory and not by its cores. Years are for all of the passwords; half of that on average.
 */
import { randomBytes } from '@aitbc/primitives';
import { openSeed, sealSeed } from '@aitbc/wallet/dist/keys/keystore.js';

const cost = { memoryKib: 65_536, passes: 3 };
const guesses = Number(process.argv[2] ?? 10);
const dayMs = 86_400_000;
const yearDays = 365.25;

/** Passwords of twelve characters, by how they were made. */
const passwords = [
  { made: 'random letters and digits', count: 62 ** 12 },
  { made: 'random small letters', count: 26 ** 12 },
  { made: 'a word of 100 000, a year, two signs', count: 100_000 * 100 * 32 ** 2 },
];

const before = process.resourceUsage().maxRSS;
const keystore = await sealSeed(randomBytes(32), 'the right one', cost);
const cpuBefore = process.cpuUsage();
const begunMs = performance.now();
for (let guess = 0; guess < guesses; guess += 1) {
  const wrong = await openSeed(keystore, `guess number ${guess}`).then(
    () => false,
    (error) => error.code === 'WALLET_PASSWORD_WRONG',
  );
  if (!wrong) throw new Error('a wrong password was not refused as one');
}
const wallMs = (performance.now() - begunMs) / guesses;
const { user, system } = process.cpuUsage(cpuBefore);
const cpuMs = (user + system) / 1_000 / guesses;
const perDay = dayMs / cpuMs;

console.log(
  `argon2id, ${cost.memoryKib / 1_024} MiB, ${cost.passes} passes, one lane; ${guesses} guesses`,
);
console.log(`a guess: ${cpuMs.toFixed(0)} ms of one core, ${wallMs.toFixed(0)} ms here and now`);
console.log(
  `memory while guessing: ${(process.resourceUsage().maxRSS / 1_024).toFixed(0)} MiB (${(before / 1_024).toFixed(0)} MiB before)`,
);
console.log(`guesses a day and core: ${perDay.toFixed(0)}`);
for (const { made, count } of passwords) {
  const years = count / perDay / yearDays;
  console.log(
    `12 characters, ${made}: ${count.toExponential(1)} passwords, ${years.toExponential(1)} core-years`,
  );
}
