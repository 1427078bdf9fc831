/** The engine of the gateway benchmark: fixed words. */
import { serveEngine } from '../lib/serve-engine.mjs';

await serveEngine((at) => `word${at % 10} `);
