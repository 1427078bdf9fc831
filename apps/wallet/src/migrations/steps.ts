import type { Migration } from '@aitbc/service';
import { first } from './0001-first.ts';
import { watched } from './0002-watched.ts';

/** Steps of the wallet's schema, in order. */
export const migrations: readonly Migration[] = [first, watched];
