/** All parts of the scoreboard, in the order in which they run. */
import { chain } from './chain.mjs';
import { memory, start } from './daemons.mjs';
import { gateway } from './gateway.mjs';
import { channels, queue, stateSize, validators } from './growth.mjs';
import { admission, failover, jobs, route } from './market.mjs';

export const parts = [
  ...[chain, admission, gateway, failover, route, jobs, start, memory],
  ...[validators, stateSize, channels, queue],
];
