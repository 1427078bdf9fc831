/** An engine that signs every word with its name, so that a client sees who wrote it. */
import { serveEngine } from '../lib/serve-engine.mjs';

await serveEngine((at) => `word-${process.env.AITBC_BENCH_NAME}-${at} `);
