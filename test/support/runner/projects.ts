/** The folders below `test` whose tests run together: `npx vitest --project core` is the quick one. */
export const PROJECTS: Readonly<Record<string, readonly string[]>> = {
  core: ['client', 'config', 'core', 'link', 'metrics', 'platform', 'tidy', 'top'],
  agent: ['agent'],
  collector: ['collector', 'commands'],
  packages: ['packages'],
  dashboard: ['dashboard'],
  e2e: ['cli', 'e2e', 'examples'],
};
