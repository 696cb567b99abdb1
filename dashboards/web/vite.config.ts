import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const repository = fileURLToPath(new URL('../../', import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL('./', import.meta.url)),
  base: '/admin/',
  plugins: [svelte({ configFile: false })],
  build: {
    outDir: `${repository}dist/dashboard`,
    emptyOutDir: true,
    target: 'es2022',
    // Every asset is a file: the page's content security policy allows neither inline scripts nor inline styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { fs: { allow: [repository] } },
});
