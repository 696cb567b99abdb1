import { defaultOf, SETTING_GROUPS, SETTING_NAMES, settingOf } from '../config/settings.ts';

const LINE_LENGTH_MAX = 80;
const INDENT = ' '.repeat(4);

/** Every setting as a terminal shows it: by group, each with its default and what it decides. */
export function settingsHelp(): string {
  const groups = Object.entries(SETTING_GROUPS).map(([group, heading]) => {
    const names = SETTING_NAMES.filter((name) => settingOf(name).group === group);
    return `\n${heading}\n${names
      .map((name) => `${headed(name, defaultOf(name))}\n${wrapped(settingOf(name).meaning)}`)
      .join('')}`;
  });
  return `Settings are environment variables; the default is in brackets.\n${groups.join('')}`;
}

/** A name and its default, below it where they do not fit one line. */
function headed(name: string, fallback: string): string {
  const line = `  ${name} (${fallback})`;
  return line.length <= LINE_LENGTH_MAX ? line : `  ${name}\n${INDENT}(${fallback})`;
}

/** Words in indented lines, without the marks of Markdown. */
function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of text.replaceAll('`', '').split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && INDENT.length + line.length + 1 + word.length <= LINE_LENGTH_MAX) {
      lines[lines.length - 1] = `${line} ${word}`;
    } else lines.push(word);
  }
  return lines.map((line) => `${INDENT}${line}\n`).join('');
}
