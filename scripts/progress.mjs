/** One line per step with its time: moving on a terminal, plain lines anywhere else. */

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 120;
/** A step that takes longer than this in a log says so, or it would look stuck. */
const QUIET_MS = 15_000;

/** Seconds since `startedMs` (of `performance.now()`), for people: `1.2 s`. */
export function secondsSince(startedMs) {
  return `${((performance.now() - startedMs) / 1000).toFixed(1)} s`;
}

/**
 * Shows a step while `work()` runs and answers what it answers. `work` may return `{ note }`, which
 * ends the line, and `{ failed: true }`, which marks it.
 */
export async function showStep(title, work, stream = process.stdout) {
  const startedMs = performance.now();
  const stopWaiting = stream.isTTY
    ? spin(title, startedMs, stream)
    : remind(title, startedMs, stream);
  let result;
  try {
    result = await work();
  } finally {
    stopWaiting();
  }
  const mark = result?.failed ? 'failed' : 'ok';
  const note = result?.note ? `  ${result.note}` : '';
  stream.write(`${mark.padEnd(6)} ${title}  ${secondsSince(startedMs)}${note}\n`);
  return result;
}

function spin(title, startedMs, stream) {
  let frame = 0;
  const draw = () => {
    frame = (frame + 1) % FRAMES.length;
    stream.write(`\r\x1b[2K${FRAMES[frame]} ${title}  ${secondsSince(startedMs)}`);
  };
  const timer = setInterval(draw, FRAME_MS);
  return () => {
    clearInterval(timer);
    stream.write('\r\x1b[2K');
  };
}

function remind(title, startedMs, stream) {
  const say = () => stream.write(`       ${title} … ${secondsSince(startedMs)}\n`);
  const timer = setInterval(say, QUIET_MS);
  return () => clearInterval(timer);
}
