import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';
import { HISTORY } from '../../src/core/history/catalogue.ts';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/** The catalogue as the data it comes to: the signals it is derived from, with their SQL, stay out of the browser. */
const catalogueAsData: Plugin = {
  name: 'catalogue-as-data',
  enforce: 'pre',
  load: (id) =>
    id === `${repository}src/core/history/catalogue.ts`
      ? `export const HISTORY = ${JSON.stringify(HISTORY)};`
      : null,
};

export default defineConfig({
  root: fileURLToPath(new URL('./', import.meta.url)),
  base: '/admin/',
  plugins: [catalogueAsData, svelte({ configFile: false })],
  build: {
    outDir: `${repository}dist/dashboard`,
    emptyOutDir: true,
    target: 'es2022',
    // Every asset is a file: the page's content security policy allows neither inline scripts nor inline styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // On a busy machine a build that is well would warn of its own slowness.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: { fs: { allow: [repository] } },
});
