/** Timers of the shell: arming one replaces the one of the same name, and only the latest may ring. */
import { type Armed, emit, type Mind } from './mind.ts';
import type { ReplicaTimer } from './types.ts';

/** Arms a timer. */
export function arm(mind: Mind, timer: ReplicaTimer, delayMs: number): void {
  armFor(mind, { timer, delayMs, view: 0 });
}

/** Arms a timer of agreement with the view it belongs to. */
export function armFor(
  mind: Mind,
  { timer, delayMs, view }: { timer: ReplicaTimer; delayMs: number; view: number },
): void {
  mind.timerId += 1;
  const id = mind.timerId;
  const { epoch } = mind.era;
  mind.timers.set(timer, { id, view, epoch, delayMs, dueMs: mind.nowMs + delayMs });
  mind.paused.delete(timer);
  emit(mind, { type: 'arm', timer, id, delayMs });
}

/** Arms a timer unless it rings soon enough already. */
export function armBy(mind: Mind, timer: ReplicaTimer, dueMs: number): void {
  const armed = mind.timers.get(timer);
  if (armed && armed.dueMs <= dueMs) return;
  arm(mind, timer, Math.max(0, Math.ceil(dueMs - mind.nowMs))); // a clock of whole ms must not ring early for ever
}

/** Stops a timer. */
export function disarm(mind: Mind, timer: ReplicaTimer): void {
  mind.paused.delete(timer);
  if (mind.timers.delete(timer)) emit(mind, { type: 'disarm', timer });
}

/** Takes a ringing timer off; undefined when it was replaced or stopped meanwhile. */
export function ring(mind: Mind, timer: ReplicaTimer, id: number): Armed | undefined {
  const armed = mind.timers.get(timer);
  if (armed?.id !== id) return undefined;
  mind.timers.delete(timer);
  return armed;
}

/** Stops a timer of agreement until `resume`. */
export function pause(mind: Mind, timer: ReplicaTimer): void {
  const armed = mind.timers.get(timer);
  if (!armed) return;
  disarm(mind, timer);
  mind.paused.set(timer, armed);
}

/** Arms a paused timer again, with its whole delay, if its view still lasts. */
export function resume(mind: Mind, timer: ReplicaTimer): void {
  const paused = mind.paused.get(timer);
  mind.paused.delete(timer);
  if (!paused || paused.epoch !== mind.era.epoch || paused.view !== mind.seat?.state.view) return;
  armFor(mind, { timer, delayMs: paused.delayMs, view: paused.view });
}
