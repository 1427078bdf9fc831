/**
 * Loaded into a daemon before anything of its own (`--import`): its calendar clock is wrong by as many
 * milliseconds as a file says at the moment. Only what reads the date is wrong; timers and the steady clock
 * go on, as on a machine whose time service has lost its mind. It imports nothing.
 */
import { readFileSync } from 'node:fs';

const lookMs = 100;
const file = process.env.AITBC_NET_CLOCK_FILE ?? '';
const RealDate = Date;
const realNow = Date.now.bind(Date);
let offsetMs = 0;

const look = (): void => {
  try {
    offsetMs = Number(readFileSync(file, 'utf8').trim()) || 0;
  } catch {
    offsetMs = 0; // no file: the clock is right
  }
};

const now = (): number => realNow() + offsetMs;
if (file !== '') {
  look();
  setInterval(look, lookMs).unref();
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, as) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, as),
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  });
}
