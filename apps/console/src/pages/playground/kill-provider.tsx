/**
 * The switch of a devnet: kills the provider that answers. Small models answer in a blink, so the switch can also be set
 * beforehand: then it strikes after some pieces of the next answer.
 */
import { useRef, useState } from 'react';
import { type CallError, callJson } from '../../data/call-json.ts';
import { useMarket } from '../../data/hooks.ts';
import type { Turn } from './use-chat.ts';

const strikeAfterChars = 60;
/** One that dies and one that goes on. */
const providersMin = 2;
const lonely = 'Killing needs a second provider';

/** The switch. */
export interface Kill {
  readonly state: 'off' | 'armed' | 'striking' | 'struck';
  readonly fault: CallError | undefined;
  /** Name of the daemon that was killed, while it is away. */
  readonly killed: string | undefined;
  /** Kills who answers now, or else with the next answer. */
  press(): void;
  heard(turn: Turn): void;
}

/** A switch that is off. */
export function useKill(): Kill {
  const [state, setState] = useState<Kill['state']>('off');
  const [fault, setFault] = useState<CallError>();
  const [killed, setKilled] = useState<string>();
  const armed = useRef(false);
  const turn = useRef<Turn>(undefined);
  const strike = async (provider: string): Promise<void> => {
    armed.current = false;
    setState('striking');
    try {
      const body = { provider };
      const answer = await callJson<{ killed: string; restartMs: number }>('/v1/devnet/kill', {
        body,
      });
      setKilled(answer.killed);
      setState('struck');
      setTimeout(() => {
        setKilled(undefined);
        setState('off');
      }, answer.restartMs);
    } catch (error) {
      setFault(error as CallError);
      setState('off');
    }
  };
  return {
    state,
    fault,
    killed,
    press() {
      setFault(undefined);
      const provider = answering(turn.current);
      if (provider !== undefined) void strike(provider);
      else {
        armed.current = !armed.current;
        setState(armed.current ? 'armed' : 'off');
      }
    },
    heard(now) {
      turn.current = now;
      const provider = answering(now);
      if (!armed.current || provider === undefined) return;
      if (lengthOf(now) >= strikeAfterChars) void strike(provider);
    },
  };
}

function answering(turn: Turn | undefined): string | undefined {
  return turn?.state === 'answering' ? turn.stretches.at(-1)?.provider : undefined;
}

function lengthOf({ stretches }: Turn): number {
  return stretches.reduce((sum, { text }) => sum + text.length, 0);
}

const words: Readonly<Record<Kill['state'], string>> = {
  off: 'Kill the provider while it answers',
  armed: 'Armed: the next answer loses its provider',
  striking: 'Killing',
  struck: 'Killed, it comes back by itself',
};

/** The button of the switch. */
export function KillButton({ kill }: { readonly kill: Kill }) {
  const { state, fault, killed } = kill;
  const asked = useMarket<'listProviders'>('/v1/providers', {}, { everyMs: 2_000 });
  const alone = (asked.data?.providers.length ?? providersMin) < providersMin;
  return (
    <>
      <button
        type="button"
        className="plain-button danger"
        aria-pressed={state === 'armed'}
        disabled={state === 'striking' || state === 'struck' || (alone && state === 'off')}
        onClick={kill.press}
        title="Only on a devnet: SIGKILL to the process of the provider"
      >
        {killed === undefined
          ? alone && state === 'off'
            ? lonely
            : words[state]
          : `${killed} is dead, it comes back by itself`}
      </button>
      {fault && (
        <span className="bad" role="alert">
          {fault.message}
        </span>
      )}
    </>
  );
}
