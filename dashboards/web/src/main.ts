// Before everything else: uPlot needs a language that Intl accepts as soon as it loads.
import './language.ts';
import { mount } from 'svelte';
import { metricsStore } from '../../../src/client/index.ts';
import App from './App.svelte';
import { Live, type Source } from './live.svelte.ts';
import './theme.css';

/** In development `?fixture=busy|empty|critical` shows a fixture without any server. */
async function sourceOfPage(): Promise<Source> {
  const fixture = new URLSearchParams(location.search).get('fixture');
  if (!import.meta.env.DEV || fixture === null) return metricsStore;
  const { fixtureSource } = await import('./fixtures/index.ts');
  return fixtureSource(fixture);
}

async function start(): Promise<void> {
  const target = document.getElementById('app');
  if (target === null) throw new Error('The page has no #app element');
  mount(App, { target, props: { live: new Live(await sourceOfPage()) } });
}

void start();
