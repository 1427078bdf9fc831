/** The page: a form for people, and the same question for a test. */
import { type Genesis, networkFromGenesis } from '@aitbc/protocol';
import { ask, type Finding, type Question } from './ask.ts';
import { show } from './view.ts';

declare global {
  interface Window {
    /** Asks without showing. */
    lightAsk?: (question: Question) => Promise<Finding>;
  }
}

const response = await fetch('/genesis.json');
const genesis = (await response.json()) as Genesis;
const network = networkFromGenesis(genesis);
const node = new URLSearchParams(location.search).get('node') ?? '/rpc';
const form = document.querySelector('form') as HTMLFormElement;
const section = document.querySelector('#answer') as HTMLElement;

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const subject = String(new FormData(form).get('subject')).trim();
  section.dataset.state = 'asking';
  ask(genesis, { nodes: [node], subject })
    .then((answer) => show(section, network, answer))
    .catch((error: unknown) => {
      section.dataset.state = 'failed';
      section.textContent = String(error);
    });
});

window.lightAsk = async (question) => (await ask(genesis, question)).finding;
