/** Rows about those who want what is not theirs: buyers that do not pay, thieves, providers that lie. */
import { amountOf, asAppError, fullCharge, type Price } from '@aitbc/protocol';
import type { InvariantRow, ProviderPlace } from '../contract.ts';
import { scriptedPromptTokens } from '../engines/scripted-text.ts';
import type { Evidence } from './evidence.ts';
import { rowOf } from './row.ts';

const windowTokens = 16;
/** Prompt tokens that a voucher may cover before anybody has counted: more than any prompt of the town has. */
const promptBound = 160;
/** What a receipt may count beyond the bytes of its text. */
const countSlack = 64;
const wordBytes = 7;
const unpaidWays: readonly string[] = ['only the first words', 'the same call again'];

/** The rows. */
export async function crimeRows(evidence: Evidence): Promise<InvariantRow[]> {
  return [
    runsRow(evidence),
    triesRow(evidence),
    repeatedClaimsRow(evidence),
    beyondRow(evidence),
    gainsRow(evidence),
    ...(await theftRows(evidence)),
  ];
}

function runsRow({ books, runs }: Evidence): InvariantRow {
  const ran = new Set(runs.map(({ mark }) => mark));
  const marked = books.notes.tries.filter(({ mark }) => mark !== undefined);
  const claim = 'no engine ran for a call that was not paid for, or whose payment was for another';
  return rowOf({ name: 'nothing runs unpaid', claim }, marked, ({ agent, what, at, mark }) =>
    ran.has(mark ?? '') ? `${agent}: ${what} was run by ${at}` : undefined,
  );
}

function triesRow({ books }: Evidence): InvariantRow {
  const claim = 'whoever paid too little, again, or not at all got nothing beyond what was paid';
  return rowOf({ name: 'crimes do not pay', claim }, books.notes.tries, (note) => {
    if (note.isRefused) return undefined;
    const verb = unpaidWays.includes(note.what) ? 'got too much' : 'was not refused';
    return `${note.agent}: ${note.what} at ${note.at} ${verb} (${note.answer})`;
  });
}

function repeatedClaimsRow({ books }: Evidence): InvariantRow {
  const again = books.notes.claims.filter(({ lie }) => lie === 'again');
  const claim = 'a claim that is handed in again pays nothing';
  return rowOf({ name: 'claims pay once', claim }, again, ({ provider, paidNait }) =>
    (paidNait ?? 0n) === 0n ? undefined : `${provider} got ${paidNait} nait by a repeated claim`,
  );
}

function beyondRow({ books }: Evidence): InvariantRow {
  const beyond = books.notes.claims.filter(({ lie }) => lie === 'beyond');
  const claim = 'a claim for more than its voucher says pays nothing';
  return rowOf({ name: 'no claim beyond its voucher', claim }, beyond, ({ provider, paidNait }) =>
    (paidNait ?? 0n) === 0n ? undefined : `${provider} got ${paidNait} nait that nobody signed`,
  );
}

/** What each liar was paid against what its engine did for it. */
function gainsRow(evidence: Evidence): InvariantRow {
  const liars = evidence.facts.providers.filter(
    ({ role, isVerifiable }) => role !== 'honest' && !isVerifiable,
  );
  const claim = `a liar got what its tokens cost, and at most a prompt and ${windowTokens} tokens more for each job`;
  return rowOf({ name: 'lies do not pay', claim }, liars, (place) => {
    const paid = paidTo(evidence, place);
    const most = worthOf(evidence, place);
    if (paid <= most) return undefined;
    return `${place.name} (${place.role}) got ${paid} nait; ${most} at most are right`;
  });
}

function paidTo({ channels }: Evidence, { keys }: ProviderPlace): bigint {
  let sum = 0n;
  for (const { receiver, totalClaimed } of channels.values()) {
    if (receiver === keys.address) sum += amountOf(totalClaimed);
  }
  return sum;
}

function worthOf({ runs, sellers }: Evidence, { name, role }: ProviderPlace): bigint {
  const { offers, jobs } = sellers.get(name) ?? { offers: new Map(), jobs: [] };
  const [offer] = offers.values();
  if (!offer) return 0n;
  const price: Price = {
    inputPerMTok: amountOf(offer.payload.price.inputPerMTok),
    outputPerMTok: amountOf(offer.payload.price.outputPerMTok),
    perRequest: amountOf(offer.payload.price.perRequest),
  };
  const worth = (promptTokens: number, outputTokens: number): bigint =>
    fullCharge(price, { promptTokens, outputTokens });
  let most = 0n;
  for (const run of runs) {
    if (run.provider !== name) continue;
    const tokens = role === 'inflates' ? run.words * wordBytes + countSlack : run.words;
    most += worth(scriptedPromptTokens, tokens);
  }
  return most + BigInt(jobs.length) * worth(promptBound, windowTokens);
}

async function theftRows({ books, node }: Evidence): Promise<InvariantRow[]> {
  const rows = await Promise.all(
    books.notes.thefts.map(async (note) => {
      const names = { owner: note.owner, subKey: note.subKey };
      try {
        return { note, spent: amountOf((await node.rpc.state_getMandate(names)).spentNait) };
      } catch (error) {
        return { note, spent: undefined, fault: asAppError(error).message };
      }
    }),
  );
  const within = 'a thief moved no more than the mandate allows in all';
  const after = 'nothing was moved with the key after its revocation was final';
  const revoked = rows.filter(({ note }) => note.spentAtRevocation !== undefined);
  return [
    rowOf({ name: 'thefts stay within the mandate', claim: within }, rows, ({ note, spent }) =>
      spent !== undefined && spent <= note.totalMaxNait
        ? undefined
        : `${note.agent}: ${spent} of ${note.totalMaxNait} nait`,
    ),
    rowOf({ name: 'revocations hold', claim: after }, revoked, ({ note, spent }) =>
      spent === note.spentAtRevocation
        ? undefined
        : `${note.agent}: ${spent} nait, ${note.spentAtRevocation} when it was revoked`,
    ),
  ];
}
