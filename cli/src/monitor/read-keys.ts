/** Single keys from a terminal, without waiting for a line; the terminal is as before when the reading ends. */
import type { Readable } from 'node:stream';

/** The part of a terminal's input that is used. */
interface KeyInput extends Readable {
  readonly isTTY?: boolean | undefined;
  setRawMode?(isRaw: boolean): unknown;
}

const ctrlC = '\u0003';
const ctrlD = '\u0004';

/** Calls `onEnd` for q, Ctrl-C and Ctrl-D. Answers what ends the reading; without a terminal nothing is read. */
export function readEndKeys(input: KeyInput, onEnd: () => void): () => void {
  if (input.isTTY !== true || input.setRawMode === undefined) return () => {};
  const onData = (chunk: Buffer | string) => {
    const text = String(chunk);
    if (['q', 'Q', ctrlC, ctrlD].some((key) => text.includes(key))) onEnd();
  };
  input.setRawMode(true);
  input.on('data', onData);
  input.resume();
  return () => {
    input.off('data', onData);
    input.setRawMode?.(false);
    input.pause();
  };
}
