/** The steps of a proof, for a person. Texts of nodes are only ever set as text. */
import { aitFromNait } from '@aitbc/primitives';
import { type Network, type Validator, zeroHash } from '@aitbc/protocol';
import type { Answer, Finding, Shown } from './ask.ts';

const shownHexDigits = 10;

type Attributes = Readonly<Record<string, string>>;

function element(name: string, attributes: Attributes, inside: readonly (Node | string)[]) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

const short = (hash: string): string => `${hash.slice(0, shownHexDigits)}…`;

function step(title: string, text: string, inside: readonly Node[] = []): HTMLElement {
  const head = [element('h2', {}, [title]), element('p', {}, [text])];
  return element('li', { class: 'step' }, [...head, ...inside]);
}

function facts(rows: Readonly<Record<string, string>>): HTMLElement {
  const cells = Object.entries(rows).flatMap(([name, value]) => [
    element('dt', {}, [name]),
    element('dd', {}, [value]),
  ]);
  return element('dl', {}, cells);
}

/** Shows an answer in the section. */
export function show(section: HTMLElement, network: Network, answer: Answer): void {
  const { finding } = answer;
  const isProven = finding.code === 'OK';
  section.dataset.state = isProven ? 'proven' : 'refused';
  const verdict = element('div', { class: 'verdict' }, [
    element('strong', {}, [isProven ? headline(answer) : `Refused: ${finding.code}`]),
    element('span', {}, [isProven ? `Proven in ${finding.tookMs} ms` : finding.reason]),
  ]);
  section.replaceChildren(verdict, ...(isProven ? [steps(network, answer)] : []));
}

function headline({ finding, at, shown }: Answer): string {
  const { exists, balance, height } = finding;
  if (shown.isTx) return `Final in block ${at?.header.height ?? height}`;
  return exists ? `${aitFromNait(BigInt(balance))} AIT` : 'No such account';
}

function steps(network: Network, { finding, at, shown }: Answer): HTMLElement {
  if (!at) return element('ol', {}, []);
  const { header, hash, validators } = at;
  return element('ol', {}, [
    step('Genesis document', 'The only thing that this page was told.', [
      facts({ network: network.name, hash: network.genesisHash }),
    ]),
    step(header.epoch === 0 ? 'Epoch 0' : `Epoch 0 → ${header.epoch}`, wayText(finding)),
    step(`Block ${header.height}`, 'The header fits its hash, and its hash is what was signed.', [
      facts({
        hash,
        time: new Date(header.timeMs).toISOString(),
        'state root': header.stateRoot,
        'transaction root': header.txRoot === zeroHash ? 'none' : header.txRoot,
      }),
    ]),
    step('Certificate', 'More than two thirds of the stake signed that this block is final.', [
      votes(validators, shown),
    ]),
    step(pathTitle(shown, finding.exists), pathText(shown), [path(shown, header)]),
  ]);
}

function wayText({ epoch, fetched }: Finding): string {
  if (epoch === 0) return 'Its validators stand in the genesis document.';
  if (fetched.length === 0) return 'More than a third of the first set signed: no step between.';
  const heights = [...fetched].sort((a, b) => a - b).join(', ');
  return `The sets of validators were followed over the last blocks of epochs: ${heights}.`;
}

function votes(validators: readonly Validator[], { bundle }: Shown): HTMLElement {
  const signed = new Set(bundle?.certificate.votes.map(({ validator }) => validator));
  const seats = validators.map(({ publicKey, stake }, at) => {
    const mark = signed.has(at) ? '✓' : '–';
    const text = `${mark} ${short(publicKey)} ${aitFromNait(stake)} AIT`;
    return element('div', signed.has(at) ? { class: 'signed' } : {}, [text]);
  });
  return element('div', { class: 'votes' }, seats);
}

function pathTitle({ isTx }: Shown, exists: boolean): string {
  if (isTx) return 'The transaction and its receipt stand in this block';
  return exists ? 'The account stands in its state' : 'Its state has no such account';
}

function pathText({ path }: Shown): string {
  const { index = 0, count = 0, siblings = [] } = path ?? {};
  return `Leaf ${index} of ${count}, ${siblings.length} hashes up to the root.`;
}

function path({ path: proof, isTx }: Shown, header: { stateRoot: string; txRoot: string }) {
  const chips = (proof?.siblings ?? []).map((hash) => element('span', {}, [short(hash)]));
  const end = element('span', { class: 'end' }, [
    `root ${short(isTx ? header.txRoot : header.stateRoot)}`,
  ]);
  return element('div', { class: 'path' }, [element('span', {}, ['leaf']), ...chips, end]);
}
