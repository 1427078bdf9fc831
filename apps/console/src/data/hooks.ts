/** What the parts of a page use to know things. */
import type { UseQueryResult } from '@tanstack/react-query';
import { useQuery } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useState, useSyncExternalStore } from 'react';
import type { CallError } from './call-json.ts';
import type { LiveState, LiveStore } from './live-store.ts';
import { type ChainOutput, chain, type MarketOutput, market } from './sources.ts';

/** The shared connection. */
export const LiveContext = createContext<LiveStore | undefined>(undefined);

/** What happens now. */
export function useLive(): LiveState {
  const store = useContext(LiveContext);
  if (!store) throw new Error('the page has no live store');
  return useSyncExternalStore(store.subscribe, store.get);
}

/** The present, ms; moves once a second. */
export function useNowMs(): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}

/** An answer, or how it stands with it. */
export type Asked<T> = UseQueryResult<T, CallError>;

interface AskOptions {
  /** Ask again after so long, ms; never when left out. */
  readonly everyMs?: number;
  readonly enabled?: boolean;
}

/** Asks the chain. */
export function useChain<K extends Parameters<typeof chain>[0]>(
  method: K,
  params: Parameters<typeof chain<K>>[1],
  { everyMs, enabled = true }: AskOptions = {},
): Asked<ChainOutput<K>> {
  return useQuery({
    queryKey: ['chain', method, params],
    queryFn: ({ signal }) => chain(method, params, signal),
    enabled,
    ...(everyMs !== undefined && { refetchInterval: everyMs }),
  });
}

/** Asks the coordinator. */
export function useMarket<K extends keyof typeof import('@aitbc/protocol').coordinatorEndpoints>(
  path: string,
  query: Readonly<Record<string, string | number | undefined>> = {},
  { everyMs, enabled = true }: AskOptions = {},
): Asked<MarketOutput<K>> {
  return useQuery({
    queryKey: ['market', path, query],
    queryFn: ({ signal }) => market<K>(path, query, { signal }),
    enabled,
    ...(everyMs !== undefined && { refetchInterval: everyMs }),
  });
}

/** What the page may reach beside its coordinator. */
export function useConsole(): Asked<MarketOutput<'console'>> {
  return useMarket<'console'>('/v1/console');
}
