/** One streamed chat as its reader sees it: every piece with its time, and where the answer moved. */

const movedMark = ': aitbc-moved ';

/** Milliseconds that compare between processes of one machine. */
export const nowMs = () => performance.timeOrigin + performance.now();

/**
 * Asks and reads to the end. `onPiece(chars, provider)` hears at once how much text has arrived. Gives the text, the
 * provider that began, the time of each piece, and of each move what the gateway said and the pieces before it.
 */
export async function readAnswer({ url, body, onPiece }) {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, stream: true }),
  });
  if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
  const provider = answer.headers.get('x-aitbc-provider');
  const read = { provider, text: '', times: [], moves: [] };
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of answer.body) {
    const atMs = nowMs();
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) takeLine(line, { read, atMs, onPiece });
  }
  return read;
}

function takeLine(line, { read, atMs, onPiece }) {
  if (line.startsWith(movedMark)) {
    const before = read.times.length;
    read.moves.push({ ...JSON.parse(line.slice(movedMark.length)), before });
  } else if (line.startsWith('data: {')) {
    const chunk = JSON.parse(line.slice(6));
    if (chunk.error) throw new Error(`the answer broke off: ${JSON.stringify(chunk.error)}`);
    const piece = chunk.choices[0]?.delta?.content ?? '';
    if (piece === '') return;
    read.text += piece;
    read.times.push(atMs);
    onPiece?.(read.text.length, read.provider);
  }
}
