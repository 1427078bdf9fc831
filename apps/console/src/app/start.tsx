/** What the console is made of, put together and shown. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { startTransition } from 'react';
import { createRoot } from 'react-dom/client';
import type { CallError } from '../data/call-json.ts';
import { LiveContext } from '../data/hooks.ts';
import { createLiveStore } from '../data/live-store.ts';
import { createConsoleRouter } from './router.tsx';

/** Shows the console in an element. */
export function start(element: Element): void {
  const live = createLiveStore(() => new EventSource('/v1/live'));
  const queries = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        refetchOnWindowFocus: false,
        retry: (failures, error) => failures < 2 && (error as Partial<CallError>).status === 0,
      },
    },
  });
  const page = (
    <QueryClientProvider client={queries}>
      <LiveContext value={live}>
        <RouterProvider router={createConsoleRouter()} />
      </LiveContext>
    </QueryClientProvider>
  );
  live.start();
  // The first picture is made in slices, so that a slow machine answers its reader meanwhile.
  startTransition(() => createRoot(element).render(page));
}
