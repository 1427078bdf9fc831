/**
 * Makes a node the next release: `NODE_OPTIONS="--import <this file>"`. It knows version 2 of the rules, in which a transfer
 * with the memo `burn` (in hex 6275726e) takes its coins out of the supply instead of paying them out.
 */
import { register } from 'node:module';

register(new URL('./newer-rules.mjs', import.meta.url));
