// Writes the tables of docs/ that the code knows, between their markers: `npm run docs`. A test fails while this would
// change anything.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  defaultOf,
  SETTING_GROUPS,
  SETTING_NAMES,
  type SettingName,
  settingOf,
} from '../src/config/settings.ts';
import { packageRoot } from '../src/platform/paths.ts';
import { compatibilityTables } from '../test/packages/tried.ts';
import { dependencyTables } from './documents/dependencies.ts';
import { storedTables } from './documents/stored.ts';

/** What stands between `<!-- name -->` and `<!-- /name -->` of a page. */
export interface GeneratedPart {
  readonly page: string;
  readonly name: string;
  readonly text: () => string;
}

export const GENERATED_PARTS: readonly GeneratedPart[] = [
  { page: 'docs/settings.md', name: 'settings', text: settingTables },
  { page: 'docs/compatibility.md', name: 'compatibility', text: compatibilityTables },
  { page: 'docs/privacy.md', name: 'stored', text: storedTables },
  { page: 'docs/dependencies.md', name: 'dependencies', text: dependencyTables },
];

/** The page with the part as it should be. */
export function withPart(page: string, { name, text }: GeneratedPart): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`there are no markers ${begin} and ${end}`);
  return `${page.slice(0, from + begin.length)}\n\n${text()}\n\n${page.slice(to)}`;
}

function settingTables(): string {
  return Object.entries(SETTING_GROUPS)
    .map(([group, heading]) => {
      const rows = SETTING_NAMES.filter((name) => settingOf(name).group === group).map(settingRow);
      return [`## ${heading}`, '', '| variable | default | meaning |', '|---|---|---|', ...rows].join('\n');
    })
    .join('\n\n');
}

function settingRow(name: SettingName): string {
  const { default: value, meaning, more } = settingOf(name);
  const shown = value === undefined ? defaultOf(name) : `\`${value}\``;
  const link = more === undefined ? '' : `; see [${more.text}](${more.page})`;
  return `| \`${name}\` | ${shown} | ${meaning}${link} |`;
}

if (import.meta.main) {
  for (const part of GENERATED_PARTS) {
    const path = join(packageRoot(), part.page);
    writeFileSync(path, withPart(readFileSync(path, 'utf8'), part));
  }
}
