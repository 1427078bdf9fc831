/** The detectors that come with the market. */
import type { Detector } from './detector.ts';
import { concentration } from './detectors/concentration.ts';
import { coordinatedUndercutting } from './detectors/coordinated-undercutting.ts';
import { equivocation } from './detectors/equivocation.ts';
import { offerFlood } from './detectors/offer-flood.ts';
import { priceJump } from './detectors/price-jump.ts';
import { receiptsWithoutWork } from './detectors/receipts-without-work.ts';
import { reputationFarming } from './detectors/reputation-farming.ts';
import { selfDealing } from './detectors/self-dealing.ts';
import { washVolume } from './detectors/wash-volume.ts';

export const detectors: readonly Detector[] = Object.freeze([
  selfDealing,
  washVolume,
  offerFlood,
  priceJump,
  concentration,
  receiptsWithoutWork,
  reputationFarming,
  coordinatedUndercutting,
  equivocation,
]);
