/** The seats of an audit and how they are divided. */
import { auditVerdictNumberOf } from '@aitbc/protocol';
import type { AuditEntry, SeatState } from '../../audit-entries.ts';

/** Number of a verdict that was not revealed. */
export const noVerdict = 0;
const cheat = auditVerdictNumberOf('cheat');

/** Seats of the present round. */
export function seatsOf({ seats, round }: AuditEntry): readonly SeatState[] {
  return seats.filter((seat) => seat.round === round);
}

/** Seats that convict and seats that acquit. */
export function sidesOf(seats: readonly SeatState[]): {
  readonly guilty: readonly SeatState[];
  readonly acquitted: readonly SeatState[];
} {
  const given = seats.filter(({ verdict }) => verdict !== noVerdict);
  return {
    guilty: given.filter(({ verdict }) => verdict === cheat),
    acquitted: given.filter(({ verdict }) => verdict !== cheat),
  };
}
