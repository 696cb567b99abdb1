// `npm run bench`: every part, one after the other, each in a process of its own. `node bench/run.ts emit start` runs some;
// `--write` puts their tables into RESULTS.md, or writes the files they keep; `--minutes 60 --rate 5000` says how long
// the soak goes on and how many events a second it makes, `--before ../earlier` where an earlier version is built, for `throughput` to measure in the same run.
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { circumstances } from './circumstances.ts';
import { type Figure, optionsIn, PARTS, type Part, type PartOptions, table } from './figure.ts';
import { installPeers } from './peers.ts';

const ROOT = join(import.meta.dirname, '..');
const RESULTS = join(import.meta.dirname, 'RESULTS.md');

function buildAgent(): void {
  const built = join(ROOT, 'dist', 'otel.js');
  const newest = Math.max(
    ...globSync('src/**/*.ts', { cwd: ROOT }).map((file) => statSync(join(ROOT, file)).mtimeMs),
  );
  if (existsSync(built) && statSync(built).mtimeMs > newest) return;
  console.log('Building the agent ...');
  execFileSync(process.execPath, [join(ROOT, 'scripts', 'build.ts')], { stdio: 'inherit' });
}

async function figuresOf({ name }: Part, options: PartOptions): Promise<readonly Figure[]> {
  const parameters = [name, JSON.stringify(options)];
  const child = fork(join(import.meta.dirname, 'part.ts'), parameters, { execArgv: ['--expose-gc'] });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the part ended with ${code}`);
  });
  const [figures] = (await Promise.race([once(child, 'message'), ended])) as [readonly Figure[]];
  await ended.catch(() => {});
  return figures;
}

/** Replaces the part's block in the results, or adds one; everything else there is written by hand. */
function writeResults({ name, title }: Part, text: string): void {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const written = readFileSync(RESULTS, 'utf8');
  const before = written.includes(begin) ? written : `${written}\n## ${title}\n\n${begin}${end}\n`;
  const [from, to] = [before.indexOf(begin), before.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`RESULTS.md has no place for ${name}`);
  writeFileSync(RESULTS, `${before.slice(0, from)}${begin}${text}${before.slice(to)}`);
}

async function main(parameters: readonly string[]): Promise<void> {
  const { names: wanted, options } = optionsIn(parameters);
  const unknown = wanted.filter((name) => !PARTS.some((part) => part.name === name));
  if (unknown.length > 0) {
    console.error(
      `Unknown: ${unknown.join(', ')}. There are ${PARTS.map(({ name }) => name).join(', ')}, --write, --minutes, --rate and --before.`,
    );
    process.exitCode = 1;
    return;
  }
  const parts = PARTS.filter(({ name, onlyNamed = false }) =>
    wanted.length === 0 ? !onlyNamed : wanted.includes(name),
  );
  installPeers();
  if (parts.some(({ loadsBuild }) => loadsBuild)) buildAgent();
  for (const part of parts) {
    const place = circumstances();
    try {
      const text = `${table(await figuresOf(part, options))}\n${place}\n`;
      console.log(`\n## ${part.title}\n\n${text}`);
      if (options.write && part.ownFiles !== true) writeResults(part, text);
    } catch (error) {
      console.error(
        `\n## ${part.title}\n\nfailed: ${error instanceof Error ? error.message : String(error)}\n`,
      );
      process.exitCode = 1;
    }
  }
}

await main(process.argv.slice(2));
