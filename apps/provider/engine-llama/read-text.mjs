/**
 * Reads a text as the tokens that the model would most likely have written it in, and tells their gaps.
 *
 * The *gap* of a token is the best logit less its own, as the model sees it after the prompt and all tokens before. At
 * temperature 0 an honest answer has gaps of nothing, but for near ties that two machines decide differently.
 *
 * A text can be cut into tokens in several ways (see replay.mjs): what the tokenizer gives is a guess, and a wrong
 * guess must not look like a cheat. So this is a search for the *reading* of the text with the smallest sum of gaps. It
 * begins with the tokenizer's cut and reads it in large parts, like any prompt. Where the model would rather have
 * written another token whose text fits as well, that is another reading, with the rest cut anew; the search goes on
 * with whichever reading has cost least. Where a gap is too large for a near tie, a tie may have been decided otherwise
 * a few tokens before, without a trace in the text: there the last tokens are looked at again, for readings
 * that leave them at a tie. An honest text has a reading that costs next to nothing, which is found in one pass,
 * and one part more for each turn. A text that the model would not have written costs in every reading.
 *
 * Gaps need the whole row of logits, so only the places where the claimed token is not the best are read a second
 * time with it: none in an honest answer.
 *
 * Limits: the number of turns, of looks back and of readings, and what the best reading may cost; beyond them the
 * search stays with what it has. Of a text that is longer than the context only the beginning is read, so that a
 * cheat gains nothing by padding. The text may end inside a token where a stop string cut it.
 */

const PART_TOKENS = 64;
/** How often the search may turn to another reading, and how many it notes: honest answers need a handful. */
const TURNS_MAX = 128;
const READINGS_MAX = 512;
/** In logits: when every reading has cost so much, the text is not the model's, and a better one is not looked for. */
const HOPELESS_SUM = 4;
/** Another reading goes on with one of the likeliest tokens: so many at most, and no less likely than this, in logits. */
const OTHERS_MAX = 8;
const OTHER_GAP_MAX = 0.5;
/** Gaps above this are no near ties: so often the last tokens are looked at again. */
const TIE_GAP_MAX = 0.02;
const LOOKS_BACK_MAX = 8;
const LOOK_BACK_TOKENS = 8;
/** A character has four bytes at most, so at most four tokens; control tokens in between have no text. */
const TEXTLESS_TOKENS_MAX = 4;
/** In logits; more is told as that much. */
const GAP_MAX = 100;
const MICRO = 1_000_000;
const REPLACEMENT = '\uFFFD';
/** Paid jobs that are batched with an audit go first. */
export const LOW_PRIORITY = { evaluationPriority: 1 };
const best = { generateNext: { token: true, options: { temperature: 0 } } };
const all = { generateNext: { probabilities: true, options: { temperature: 0 } } };

/** A text that this tokenizer cannot write. */
export class Unreadable extends Error {}

/** Characters of the text that these tokens write in full; undefined when they write another text. */
function lengthOf({ model, text, before }, ids) {
  const written = model.detokenize(ids, false, before);
  if (text.startsWith(written)) return { whole: written.length, isWhole: true };
  let whole = written.length;
  while (whole > 0 && written[whole - 1] === REPLACEMENT) whole -= 1; // half a character
  if (whole === written.length || !text.startsWith(written.slice(0, whole))) return undefined;
  return { whole, isWhole: false };
}

/** True when the tokens write the text and then run into one of the stop strings. */
function endsInStop({ model, text, stops, before }, ids) {
  if (stops.length === 0) return false;
  const written = model.detokenize(ids, false, before);
  if (written.length <= text.length || !written.startsWith(text)) return false;
  const beyond = written.slice(text.length);
  return stops.some((stop) => stop.startsWith(beyond) || beyond.startsWith(stop));
}

/** The first `count` tokens of a reading. */
function shortened(reading, count) {
  const gaps = reading.gaps.slice(0, count);
  const sum = gaps.reduce((whole, gap) => whole + gap, 0);
  return { ...reading, ids: reading.ids.slice(0, count), gaps, sum };
}

/** The reading after the first tokens of its rest, with their gaps. */
function advanced(reading, part, gaps) {
  return {
    ...reading,
    ids: [...reading.ids, ...part],
    gaps: [...reading.gaps, ...gaps],
    sum: gaps.reduce((whole, gap) => whole + gap, reading.sum),
    rest: reading.rest?.slice(part.length),
  };
}

/** The reading that goes on with another token than the tokenizer's; undefined when its text does not fit. */
function readingWith(subject, reading, { token, gap }) {
  const { model, text, room } = subject;
  if (token === undefined || token === null || model.isEogToken(token)) return undefined;
  const next = advanced(reading, [token], [gap]);
  if (next.ids.length > room) return undefined;
  if (endsInStop(subject, next.ids)) return { ...next, rest: [] };
  const length = lengthOf(subject, next.ids);
  if (!length) return undefined;
  const { whole, isWhole } = length;
  const textless = whole > reading.whole ? 0 : reading.textless + 1;
  if (textless > TEXTLESS_TOKENS_MAX) return undefined;
  return { ...next, rest: isWhole ? subject.cut(text.slice(whole)) : undefined, whole, textless };
}

/** `whole` is only kept where a reading left the tokenizer's cut; elsewhere it is found when it is asked for. */
function placed(subject, reading) {
  const length = lengthOf(subject, reading.ids);
  return { ...reading, whole: length?.whole ?? reading.whole, textless: 0 };
}

function note(subject, reading) {
  if (reading && subject.noted < READINGS_MAX) {
    subject.noted += 1;
    subject.others.push(reading);
  }
}

/** Brings the sequence back to the first `keep` tokens behind the prompt. */
async function rewind(subject, keep) {
  const { sequence, read } = subject;
  if (keep >= read.length) return;
  const end = sequence.nextTokenIndex;
  await sequence.eraseContextTokenRanges([{ start: end - (read.length - keep), end }]);
  subject.read = read.slice(0, keep);
}

/** Reads up to the end of `wanted`; gives what comes after each of its places that `optionsOf` asks about. */
async function readOn(subject, wanted, optionsOf) {
  const offset = subject.read.length;
  const items = wanted.slice(offset).map((token, at) => {
    const options = optionsOf(offset + at);
    return options ? [token, options] : token;
  });
  const results = await subject.sequence.controlledEvaluate(items, LOW_PRIORITY);
  subject.read = wanted;
  return (place) => results[place - offset]?.next;
}

function commonLength(one, other) {
  const most = Math.min(one.length, other.length);
  let length = 0;
  while (length < most && one[length] === other[length]) length += 1;
  return length;
}

/**
 * The gap of the claimed token at each place of the part; where it has one, also the tokens that the model would rather
 * have written, with theirs.
 */
async function measurePart(subject, { ids }, part) {
  const wanted = [subject.base, ...ids, ...part.slice(0, -1)];
  const from = ids.length; // place in `wanted` of the token before the part
  await rewind(subject, Math.min(commonLength(subject.read, wanted), from));
  const told = await readOn(subject, wanted, (place) => (place < from ? undefined : best));
  const tokens = part.map((_, at) => told(from + at)?.token);
  const differs = (at) => tokens[at] !== part[at];
  const first = part.findIndex((_, at) => differs(at));
  const gaps = part.map(() => 0);
  const better = part.map((_, at) => [{ token: tokens[at], gap: 0 }]);
  if (first < 0 || part[0] === undefined) return { gaps, better };
  await rewind(subject, from + first);
  const rows = await readOn(subject, wanted, (place) => (differs(place - from) ? all : undefined));
  for (let at = first; at < part.length; at += 1) {
    const row = rows(from + at)?.probabilities;
    if (!row) continue;
    gaps[at] = createGapOf(row)(part[at]);
    better[at] = likeliest(row, Math.min(gaps[at], OTHER_GAP_MAX));
  }
  return { gaps, better };
}

/** The logarithm of the quotient of two probabilities is the difference of their logits. */
function createGapOf(row) {
  const [most] = row.values();
  return (token) => Math.min(Math.log(most / (row.get(token) ?? 0)), GAP_MAX);
}

/** The likeliest tokens, below a gap; a row is in their order. */
function likeliest(row, gapEnd) {
  const gapOf = createGapOf(row);
  const tokens = [];
  for (const token of row.keys()) {
    const gap = gapOf(token);
    if (gap >= gapEnd || tokens.length === OTHERS_MAX) return tokens;
    tokens.push({ token, gap });
  }
  return tokens;
}

/** Notes readings that leave one of the last tokens at a near tie. */
async function lookBack(subject, reading) {
  subject.looksBack += 1;
  const { ids } = reading;
  const from = Math.max(0, ids.length - LOOK_BACK_TOKENS);
  const wanted = [subject.base, ...ids.slice(0, -1)];
  await rewind(subject, Math.min(commonLength(subject.read, wanted), from));
  const rows = await readOn(subject, wanted, (place) => (place < from ? undefined : all));
  for (let at = from; at < ids.length; at += 1) {
    const row = rows(at)?.probabilities;
    if (!row) continue;
    const here = placed(subject, shortened(reading, at));
    for (const other of likeliest(row, TIE_GAP_MAX)) {
      if (other.token !== ids[at]) note(subject, readingWith(subject, here, other));
    }
  }
}

/** One step of a reading: it goes on, or another one is cheaper; undefined when it leads nowhere. */
async function step(subject, reading) {
  if (!reading.rest) {
    const { better } = await measurePart(subject, reading, [undefined]);
    return readingWith(subject, reading, better[0][0]);
  }
  const part = reading.rest.slice(0, PART_TOKENS);
  const { gaps, better } = await measurePart(subject, reading, part);
  for (const [at, gap] of gaps.entries()) {
    if (gap === 0) continue;
    const before = advanced(reading, part.slice(0, at), gaps.slice(0, at));
    if (before.sum >= HOPELESS_SUM) break;
    const here = placed(subject, before);
    for (const other of better[at]) note(subject, readingWith(subject, here, other));
    const after = advanced(before, part.slice(at, at + 1), [gap]);
    if (isDearest(subject, after.sum)) return after;
    if (!mayLookBack(subject, before, gap)) continue;
    await lookBack(subject, before);
    return after;
  }
  return advanced(reading, part, gaps);
}

function mayLookBack({ looksBack }, { ids }, gap) {
  return gap > TIE_GAP_MAX && looksBack < LOOKS_BACK_MAX && ids.length > 0;
}

function isDearest({ others, turns }, sum) {
  const better = Math.min(sum, HOPELESS_SUM);
  return turns < TURNS_MAX && others.some((other) => other.sum < better);
}

/** The reading to go on with: this one, or a cheaper one, which takes its place. */
function cheapest(subject, reading) {
  const { others } = subject;
  if (reading && !isDearest(subject, reading.sum)) return reading;
  const at = others.reduce((least, { sum }, place) => (sum < others[least].sum ? place : least), 0);
  const [other] = others.splice(at, 1);
  if (reading) others.push(reading);
  subject.turns += 1;
  return other;
}

/** The subject with so much of its text as there is room for. */
function fitted(subject) {
  const { text, room } = subject;
  const ids = subject.cut(text);
  if (ids.length <= room) return subject;
  const length = lengthOf(subject, ids.slice(0, room));
  if (!length) throw new Unreadable('the answer does not fit, and cannot be cut');
  return { ...subject, text: text.slice(0, length.whole), stops: [] };
}

function measureOf({ gaps, sum }) {
  const tokens = gaps.length;
  return {
    tokens,
    exactTokens: gaps.filter((gap) => gap === 0).length,
    gapMeanMicro: tokens === 0 ? 0 : Math.ceil((sum / tokens) * MICRO),
    gapMaxMicro: Math.ceil(gaps.reduce((most, gap) => Math.max(most, gap), 0) * MICRO),
  };
}

/**
 * Measures `text` behind a prompt of which the sequence has read all but the last token, `base`. `before` are tokens
 * in front of it, `room` is how many it may have, `cut` is the tokenizer, `stops` may have ended it. Undefined when the
 * job was cancelled; throws Unreadable.
 */
export async function measureText({ job, ...given }) {
  const search = { read: [], others: [], noted: 0, turns: 0, looksBack: 0 };
  const subject = fitted({ ...given, ...search });
  const nothing = { ids: [], gaps: [], sum: 0, whole: 0, textless: 0 };
  let reading = { ...nothing, rest: subject.cut(subject.text) };
  while (reading.rest?.length !== 0) {
    if (job.cancelled) return undefined;
    reading = cheapest(subject, await step(subject, reading));
    if (!reading) throw new Unreadable('the text cannot be read as tokens');
  }
  return measureOf(reading);
}
