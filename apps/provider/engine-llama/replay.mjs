/**
 * Reads the text of a broken answer so that it goes on as if it had never broken off.
 *
 * The problem: a text can be cut into tokens in several ways. What a model wrote as `_T` `EN` comes back from the
 * tokenizer as `_` `TE` `N`, and after other tokens a model may go on with other words. (Measured with the bundled
 * model: one of 204 greedy answers of 80 tokens.) At temperature 0 the model itself knows how it had cut the
 * text: at every place it writes its most likely token. So the tokenizer's cut is only a guess, which is read
 * in large parts like any prompt, while the model says at each place what it would have written. Where that
 * is another token, and its text fits the answer, it is taken; what was read beyond it is erased, and the text
 * that is left is cut anew. One pass in the usual case, and one part more for each correction.
 *
 * Where the model would have written another text, the answer is not its own greedy one (another quantisation,
 * another machine at a near tie, another temperature): the guess stays, and the answer goes on from there as
 * well as it can.
 *
 * Rejected: writing the prefix anew and comparing, which takes as long as the broken provider took; sending
 * token ids along with the stream, which binds all providers of a model to one tokenizer build.
 */

/** Every token that is checked costs a row of logits (the vocabulary in floats), so parts are small. */
const PART_TOKENS = 64;
/** An answer that needs more was not written by this model. */
const CORRECTIONS_MAX = 64;
/** Tokens of one character of four bytes. */
const CHARACTER_TOKENS_MAX = 4;
const REPLACEMENT = '\uFFFD';
const greedy = { generateNext: { token: true, options: { temperature: 0 } } };

/** What the model would write after each of these tokens, which it reads. */
async function readAndPredict({ sequence, job }, tokens) {
  const items = tokens.map((token) => [token, greedy]);
  const results = await sequence.controlledEvaluate(items, job.evaluation);
  return results.map((result) => result?.next.token);
}

async function unread(sequence, count) {
  const end = sequence.nextTokenIndex;
  if (count > 0) await sequence.eraseContextTokenRanges([{ start: end - count, end }]);
}

/** True when the text of `ids` and this token is a beginning of the prefix, and longer than that of `ids`. */
function fits({ model, prefixText }, ids, token) {
  if (token === undefined || token === null || model.isEogToken(token)) return false;
  const text = model.detokenize([...ids, token]);
  if (text.length <= model.detokenize(ids).length) return false;
  let whole = text.length;
  while (whole > 0 && text[whole - 1] === REPLACEMENT) whole -= 1; // half a character
  return prefixText.startsWith(text) || prefixText.startsWith(text.slice(0, whole));
}

/** Follows the model through a character that it writes in other tokens than the guess; undefined if it leaves it. */
async function finishCharacter(subject, ids) {
  const { model, prefixText } = subject;
  const all = [...ids];
  for (let step = 0; step < CHARACTER_TOKENS_MAX; step += 1) {
    if (prefixText.startsWith(model.detokenize(all))) return all;
    const [token] = await readAndPredict(subject, [all.at(-1)]);
    if (!fits(subject, all, token)) return undefined;
    all.push(token);
  }
  return undefined;
}

/** First place where the model would have written another token whose text fits as well. */
function firstCorrection(subject, { ids, part, predicted }) {
  return part.findIndex(
    (token, index) =>
      predicted[index] !== token &&
      fits(subject, [...ids, ...part.slice(0, index)], predicted[index]),
  );
}

/**
 * Reads `prefixText` after a prompt of which all but the last token was read. Gives the tokens of the prefix, of
 * which the last one is not read; fewer when the job was cancelled.
 */
export async function replayPrefix({ model, sequence, lastPromptToken, prefixText, job }) {
  const cut = (text) => model.tokenize(text, false, 'trimLeadingSpace');
  const subject = { model, sequence, prefixText, job };
  const guess = cut(prefixText);
  const startIndex = sequence.nextTokenIndex;
  let ids = [];
  let rest = guess;
  let corrections = 0;
  while (rest.length > 0 && !job.cancelled) {
    const part = rest.slice(0, PART_TOKENS);
    const unreadToken = ids.at(-1) ?? lastPromptToken;
    const predicted = await readAndPredict(subject, [unreadToken, ...part.slice(0, -1)]);
    const at =
      corrections < CORRECTIONS_MAX ? firstCorrection(subject, { ids, part, predicted }) : -1;
    if (at < 0) {
      ids.push(...part);
      rest = rest.slice(part.length);
      continue;
    }
    corrections += 1;
    await unread(sequence, part.length - at - 1);
    const corrected = [...ids, ...part.slice(0, at), predicted[at]];
    const whole = await finishCharacter(subject, corrected);
    if (!whole) return readGuess({ sequence, startIndex, lastPromptToken, guess });
    ids = whole;
    rest = cut(prefixText.slice(model.detokenize(ids).length));
  }
  return ids;
}

/** The guess after all: nothing better was found. */
async function readGuess({ sequence, startIndex, lastPromptToken, guess }) {
  await unread(sequence, sequence.nextTokenIndex - startIndex);
  await sequence.evaluateWithoutGeneratingNewTokens([lastPromptToken, ...guess.slice(0, -1)]);
  return guess;
}
