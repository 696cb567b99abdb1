// Before everything else: uPlot needs a language that Intl accepts as soon as it loads.
import './language.ts';
import { mount } from 'svelte';
import { createMetricsStore } from '../../../src/client/index.ts';
import App from './App.svelte';
import { Firings } from './alerts/firings.svelte.ts';
import { type Fetch, HistoryClient } from './history/client.ts';
import { Live, type SourceOf } from './live/live.svelte.ts';
import { Redeployment } from './live/redeployment.svelte.ts';
import { PAGES } from './pages/index.ts';
import { Navigation } from './view/navigation.svelte.ts';
import { Theme } from './view/theme.svelte.ts';
import { TimeRange } from './view/time.svelte.ts';
import './theme.css';

interface Sources {
  readonly live: SourceOf;
  readonly fetch: Fetch;
}

const storeOf: SourceOf = ({ service, instance }) =>
  createMetricsStore({
    ...(service === null ? {} : { service }),
    ...(instance === null ? {} : { instance }),
  });

/** In development `?fixture=busy|empty|critical` shows a fixture without any server. */
async function sourcesOfPage(): Promise<Sources> {
  const fixture = new URLSearchParams(location.search).get('fixture');
  if (!import.meta.env.DEV || fixture === null)
    return { live: storeOf, fetch: (url, init) => fetch(url, init) };
  const { fixtureFetch, fixtureSource } = await import('./fixtures/index.ts');
  return { live: () => fixtureSource(fixture), fetch: fixtureFetch(fixture) };
}

async function start(): Promise<void> {
  const target = document.getElementById('app');
  if (target === null) throw new Error('The page has no #app element');
  const sources = await sourcesOfPage();
  const history = new HistoryClient(sources.fetch);
  const navigation = new Navigation(PAGES);
  const live = new Live(sources.live, history, navigation.view.sender);
  const time = new TimeRange(navigation, live);
  const dashboard = {
    live,
    navigation,
    time,
    firings: new Firings({ live, navigation, time, client: history }),
    history,
    theme: new Theme(),
    redeployment: new Redeployment({
      fetch: sources.fetch,
      path: import.meta.env.BASE_URL,
      html: document.documentElement.outerHTML,
      isUnattended: () => navigation.view.kiosk,
    }),
  };
  mount(App, { target, props: { dashboard } });
}

void start();
