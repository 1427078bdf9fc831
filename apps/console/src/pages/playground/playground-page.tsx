/** Ask the market something and see it being paid; on a devnet, kill who answers and see the answer go on. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type FormEvent, useRef, useState } from 'react';
import { type CallError, offlineCode } from '../../data/call-json.ts';
import { useConsole } from '../../data/hooks.ts';
import { type GatewayOutput, gatewayGet } from '../../data/sources.ts';
import { Money, Stats } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty, Failed, Loaded, Waiting } from '../../parts/states.tsx';
import { KillButton, useKill } from './kill-provider.tsx';
import { TurnView } from './turn-view.tsx';
import { useChat } from './use-chat.ts';

const everyMs = 5_000;
const lengths = [64, 256, 700, 1_400];
const usualLength = 700;
const examples = ['What is a view?', 'How do I add an index?', 'When should I run ANALYZE?'];

/** The playground. */
export function PlaygroundPage() {
  const asked = useConsole();
  return (
    <>
      <PageHead
        title="Playground"
        text="Each answer is bought from the market through the gateway on your own machine, and paid by the token while it streams."
      />
      <Loaded asked={asked}>
        {({ gateway, devnet }) =>
          gateway === null ? (
            <Empty title="This coordinator names no gateway">
              <p>Its operator can set one with AITBC_COORDINATOR_CONSOLE_GATEWAY.</p>
            </Empty>
          ) : (
            <Reached gateway={gateway} devnet={devnet} />
          )
        }
      </Loaded>
    </>
  );
}

function Reached({ gateway, devnet }: { readonly gateway: string; readonly devnet: boolean }) {
  const balance = useQuery<GatewayOutput<'balance'>, CallError>({
    queryKey: ['gateway', gateway, 'balance'],
    queryFn: ({ signal }) => gatewayGet<'balance'>(gateway, '/v1/aitbc/balance', signal),
    refetchInterval: everyMs,
  });
  if (balance.error?.code === offlineCode && !balance.data) return <NoGateway gateway={gateway} />;
  if (balance.error && !balance.data)
    return <Failed error={balance.error} onRetry={() => void balance.refetch()} />;
  if (!balance.data) return <Waiting what="Looking for your gateway" />;
  return (
    <Bench
      gateway={gateway}
      devnet={devnet}
      balance={balance.data}
      onSpent={() => void balance.refetch()}
    />
  );
}

function NoGateway({ gateway }: { readonly gateway: string }) {
  return (
    <Panel>
      <Empty title="No gateway answers to this page">
        <p>
          The playground spends coins of whoever looks at it, so it talks only to a gateway on your
          machine ({gateway}), and only one that lists this console. Start one like this:
        </p>
        <pre>
          export AITBC_GATEWAY_CONSOLE_ORIGINS={location.origin}
          {'\n'}aitbc gateway
        </pre>
        <p>On a devnet that npm start brought up, this is already so.</p>
      </Empty>
    </Panel>
  );
}

interface BenchProps {
  readonly gateway: string;
  readonly devnet: boolean;
  readonly balance: GatewayOutput<'balance'>;
  readonly onSpent: () => void;
}

function Bench({ gateway, devnet, balance, onSpent }: BenchProps) {
  const kill = useKill();
  const chat = useChat((turn) => {
    kill.heard(turn);
    if (turn.state === 'done') onSpent();
  });
  const spent = chat.turns.reduce((sum, { bill }) => sum + BigInt(bill?.charged ?? 0), 0n);
  return (
    <div className="stack">
      <Stats
        stats={[
          { name: 'Paid here', value: <Money nait={spent} />, under: 'answers on this page' },
          {
            name: 'In channels',
            value: <Money nait={balance.channels} />,
            under: 'ready for the next answers',
          },
          {
            name: 'On the account',
            value: <Money nait={BigInt(balance.account) + BigInt(balance.vault)} />,
            under: 'with its vault',
          },
          { name: 'Payer', value: <Id text={balance.payer} kind="account" /> },
        ]}
      />
      <Panel>
        <ol className="turns" aria-live="polite" aria-busy={chat.isBusy}>
          {chat.turns.map((turn, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: turns are only added at the end
            <li key={at}>
              <TurnView turn={turn} gateway={gateway} />
            </li>
          ))}
        </ol>
        {chat.turns.length === 0 && (
          <Empty title="Nothing asked yet">
            <p>
              No account and no key are needed: the gateway pays, within its limits. Each answer
              ends with a receipt that you can verify.
            </p>
          </Empty>
        )}
        <AskForm
          gateway={gateway}
          isBusy={chat.isBusy}
          onAsk={(ask) => void chat.ask({ gateway, ...ask })}
          onStop={chat.stop}
        >
          {devnet && <KillButton kill={kill} />}
        </AskForm>
      </Panel>
      <p className="faint">
        What you paid stands in the log of your gateway; jobs of everybody stand in{' '}
        <Link className="link" to="/jobs">
          Jobs
        </Link>
        .
      </p>
    </div>
  );
}

interface AskFormProps {
  readonly gateway: string;
  readonly isBusy: boolean;
  readonly onAsk: (ask: {
    model: string;
    question: string;
    maxTokens: number;
    token: string | undefined;
  }) => void;
  readonly onStop: () => void;
  readonly children: React.ReactNode;
}

function AskForm({ gateway, isBusy, onAsk, onStop, children }: AskFormProps) {
  const models = useQuery<GatewayOutput<'models'>, CallError>({
    queryKey: ['gateway', gateway, 'models'],
    queryFn: ({ signal }) => gatewayGet<'models'>(gateway, '/v1/models', signal),
    refetchInterval: (query) => ((query.state.data?.data.length ?? 0) === 0 ? everyMs : false),
  });
  const form = useRef<HTMLFormElement>(null);
  const [question, setQuestion] = useState('');
  const ids = (models.data?.data ?? []).map(({ id }) => String(id));
  const send = (event?: FormEvent): void => {
    event?.preventDefault();
    const text = question.trim();
    const data = new FormData(form.current ?? undefined);
    const model = String(data.get('model') ?? '');
    if (isBusy || text === '' || model === '') return;
    onAsk({ model, question: text, maxTokens: Number(data.get('length')), token: undefined });
    setQuestion('');
  };
  return (
    <form className="ask" ref={form} onSubmit={send}>
      {question === '' && !isBusy && (
        <div className="examples">
          {examples.map((text) => (
            <button
              key={text}
              type="button"
              className="plain-button"
              onClick={() => setQuestion(text)}
            >
              {text}
            </button>
          ))}
        </div>
      )}
      <textarea
        aria-label="Your question"
        placeholder="Ask the market something"
        rows={2}
        value={question}
        onChange={({ target }) => setQuestion(target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && !event.shiftKey) {
            event.preventDefault();
            send();
          }
        }}
      />
      <div className="ask-row">
        <select name="model" aria-label="Model" disabled={ids.length === 0}>
          {ids.length === 0 && (
            <option value="">{models.error ? 'no models' : 'loading models'}</option>
          )}
          {ids.map((id) => (
            <option key={id} value={id}>
              {id}
            </option>
          ))}
        </select>
        <select name="length" aria-label="Longest answer" defaultValue={usualLength}>
          {lengths.map((length) => (
            <option key={length} value={length}>
              {length} tokens at most
            </option>
          ))}
        </select>
        <span className="ask-end">
          {children}
          {isBusy ? (
            <button type="button" className="plain-button" onClick={onStop}>
              Stop
            </button>
          ) : (
            <button
              type="submit"
              className="plain-button main"
              disabled={question.trim() === '' || ids.length === 0}
            >
              Ask and pay
            </button>
          )}
        </span>
      </div>
    </form>
  );
}
