/**
 * The engine of the relay benchmark: each token is the time at which it was made, nanoseconds of the clock that all
 * processes of this machine share.
 */
import { serveEngine } from '../lib/serve-engine.mjs';

await serveEngine(() => `${process.hrtime.bigint()} `);
