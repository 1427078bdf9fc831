import type { Migration } from '@aitbc/service';
import { first } from './0001-first.ts';

/** Steps of the wallet's schema, in order. */
export const migrations: readonly Migration[] = [first];
