/** Requests wait here for a free slot, in order, as they do inside Ollama; bounded, as they should. */

const WAITING_MAX = 512;

/** `take` waits for a slot and gives the function that frees it; an abort leaves the queue. */
export function createSlotQueue(slots: number) {
  const waiting: (() => void)[] = [];
  let free = slots;
  const release = () => {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  };
  return {
    async take(signal: AbortSignal): Promise<() => void> {
      if (free > 0) free -= 1;
      else {
        if (waiting.length >= WAITING_MAX) throw new Error('too many requests wait');
        await new Promise<void>((resolve, reject) => {
          waiting.push(resolve);
          const leave = () => {
            const index = waiting.indexOf(resolve);
            if (index < 0) return;
            waiting.splice(index, 1);
            reject(signal.reason);
          };
          signal.addEventListener('abort', leave, { once: true });
        });
      }
      return release;
    },
  };
}
