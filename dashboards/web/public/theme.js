// Runs before anything is drawn, so that a light page does not begin dark. What it decides, view/theme.svelte.ts keeps up.
(() => {
  let choice = 'dark';
  try {
    choice = localStorage.getItem('nervecenter.theme') ?? 'dark';
  } catch {
    // A browser that keeps nothing begins dark.
  }
  const systemIsLight = matchMedia('(prefers-color-scheme: light)').matches;
  const isLight = choice === 'light' || (choice === 'system' && systemIsLight);
  document.documentElement.dataset.theme = isLight ? 'light' : 'dark';
})();
