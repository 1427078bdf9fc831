/**
 * Loaded into a daemon before anything of its own (`--import`): one module is read with a piece of its text
 * replaced. Nothing on disk changes and the product has no switch for it.
 */
import { register } from 'node:module';

register(new URL('./plant-hooks.js', import.meta.url), {
  data: { file: process.env.AITBC_NET_PLANT_FILE ?? '' },
});
