/** Every address of the console. Each page but the first is a part of its own, loaded when it is opened. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent as lazy,
} from '@tanstack/react-router';
import { OverviewPage } from '../pages/overview/overview-page.tsx';
import { Empty } from '../parts/states.tsx';
import { PageFault } from './page-fault.tsx';
import { Shell } from './shell.tsx';

const root = createRootRoute({
  component: Shell,
  errorComponent: PageFault,
  notFoundComponent: () => <Empty title="There is no such page" />,
});
const at = <P extends string>(path: P, component: ReturnType<typeof lazy>) =>
  createRoute({ getParentRoute: () => root, path, component });

const routes = root.addChildren([
  createRoute({ getParentRoute: () => root, path: '/', component: OverviewPage }),
  at(
    '/explorer',
    lazy(() => import('../pages/explorer/explorer-page.tsx'), 'ExplorerPage'),
  ),
  at(
    '/explorer/block/$id',
    lazy(() => import('../pages/explorer/block-page.tsx'), 'BlockPage'),
  ),
  at(
    '/explorer/tx/$id',
    lazy(() => import('../pages/explorer/tx-page.tsx'), 'TxPage'),
  ),
  at(
    '/explorer/account/$id',
    lazy(() => import('../pages/explorer/account-page.tsx'), 'AccountPage'),
  ),
  at(
    '/explorer/channel/$id',
    lazy(() => import('../pages/explorer/channel-page.tsx'), 'ChannelPage'),
  ),
  at(
    '/receipt',
    lazy(() => import('../pages/receipt/receipt-page.tsx'), 'ReceiptPage'),
  ),
  at(
    '/market',
    lazy(() => import('../pages/market/market-page.tsx'), 'MarketPage'),
  ),
  at(
    '/jobs',
    lazy(() => import('../pages/jobs/jobs-page.tsx'), 'JobsPage'),
  ),
  at(
    '/jobs/$id',
    lazy(() => import('../pages/jobs/job-page.tsx'), 'JobPage'),
  ),
  at(
    '/providers',
    lazy(() => import('../pages/providers/providers-page.tsx'), 'ProvidersPage'),
  ),
  at(
    '/providers/$id',
    lazy(() => import('../pages/providers/provider-page.tsx'), 'ProviderPage'),
  ),
  at(
    '/agents',
    lazy(() => import('../pages/agents/agents-page.tsx'), 'AgentsPage'),
  ),
  at(
    '/tasks',
    lazy(() => import('../pages/agents/tasks-page.tsx'), 'TasksPage'),
  ),
  at(
    '/mandates',
    lazy(() => import('../pages/agents/mandates-page.tsx'), 'MandatesPage'),
  ),
  at(
    '/surveillance',
    lazy(() => import('../pages/surveillance/surveillance-page.tsx'), 'SurveillancePage'),
  ),
  at(
    '/validators',
    lazy(() => import('../pages/validators/validators-page.tsx'), 'ValidatorsPage'),
  ),
  at(
    '/playground',
    lazy(() => import('../pages/playground/playground-page.tsx'), 'PlaygroundPage'),
  ),
]);

/** The router of the page. */
export function createConsoleRouter() {
  return createRouter({ routeTree: routes, defaultPreload: 'intent', scrollRestoration: true });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>;
  }
}
