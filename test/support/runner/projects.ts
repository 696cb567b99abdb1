import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The folders below `test` whose tests run together: `npx vitest --project core` is the quick one. */
export const PROJECTS: Readonly<Record<string, readonly string[]>> = {
  core: ['client', 'config', 'core', 'link', 'metrics', 'platform', 'tidy', 'top'],
  agent: ['agent'],
  collector: ['collector', 'commands'],
  bench: ['bench'],
  packages: ['packages'],
  dashboard: ['dashboard'],
  prometheus: ['prometheus'],
  backends: ['backends'],
  proxy: ['proxy'],
  e2e: ['cli', 'e2e', 'examples'],
};

/** Programs that npm does not bring, by the project that needs them. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  prometheus: ['prometheus', 'promtool'],
  backends: ['autotel-devtools', 'victoria-metrics'],
  proxy: ['nginx'],
};

/** Whether a project has what it needs here. @param path folders that programs are found in. */
export function runsHere(project: string, path: string): boolean {
  const found = (program: string) =>
    path.split(delimiter).some((folder) => existsSync(join(folder, program)));
  return (NEEDS[project] ?? []).every(found);
}
