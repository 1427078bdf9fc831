/** Strategies that come with AITBC. */
import type { Strategy } from '../strategy.ts';
import { buyerStrategies } from './buyers.ts';
import { sellerStrategies } from './sellers.ts';

/** All of them, sellers first. */
export const strategies: readonly Strategy[] = [...sellerStrategies, ...buyerStrategies];
