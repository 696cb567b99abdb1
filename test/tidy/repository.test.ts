import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { describe, it } from 'vitest';
import { ROOT, textFiles } from './source-tree.ts';

const FILES = textFiles();

/** `path:line: match` for every match in any text of the repository. */
function matches(pattern: RegExp): string[] {
  return FILES.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => {
      const found = pattern.exec(line)?.[0];
      return found === undefined ? [] : [`${path}:${index + 1}: ${found}`];
    }),
  );
}

describe('the repository', () => {
  it('names no directory of somebody’s machine', () => {
    assert.deepEqual(matches(/(?<![\w.])\/(home|Users|root|work)\/[a-z][\w.-]*\/|\b[A-Z]:\\Users\\/), []);
  });

  it('names no package registry but the public one', () => {
    const hosts = matches(/https?:\/\/[\w.-]*(registry|artifactory|nexus|verdaccio|npm|mirror)[\w.-]*/i);
    assert.deepEqual(
      hosts.filter((host) => !/\/\/(registry\.npmjs\.org|www\.npmjs\.com)$/.test(host)),
      [],
    );
  });

  it('has no link in its documents that leads nowhere', () => {
    const documents = FILES.filter(({ path }) => path.endsWith('.md'));
    const broken = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\(([^)#\s:]+)(#[^)]*)?\)/g)]
        .map(([, target = '']) => join(dirname(path), target))
        .filter((target) => !existsSync(join(ROOT, target)))
        .map((target) => `${path} links to ${target}`),
    );
    assert.deepEqual(broken, []);
  });

  it('has no link to a heading that is not there', () => {
    const documents = FILES.filter(({ path }) => path.endsWith('.md'));
    const headings = new Map(documents.map(({ path, text }) => [path, anchorsOf(text)]));
    const broken = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\(([^)#\s:]*)#([^)\s]+)\)/g)]
        .filter(([, target = '', anchor = '']) => {
          const page = target === '' ? path : join(dirname(path), target).replaceAll(sep, '/');
          return !headings.get(page)?.has(anchor);
        })
        .map(([link]) => `${path}: ${link}`),
    );
    assert.deepEqual(broken, []);
  });

  it('numbers its migrations without a gap or a double', () => {
    const numbers = globSync('migrations/[0-9]*.sql', { cwd: ROOT })
      .map((path) => Number(/(\d{3})_[a-z_]+\.sql$/.exec(path)?.[1]))
      .sort((a, b) => a - b);
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => 7 + index),
    );
  });

  it('runs its tests and its scripts on the Node it pins, which its engines allow', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      readonly engines: { readonly node: string };
      readonly devDependencies: Readonly<Record<string, string>>;
    };
    assert.equal(process.version, `v${manifest.devDependencies['node']}`);
    assert.equal(manifest.engines.node, '>=22.15');
  });
});

/** The anchors that a page's headings have where it is read: in lower case, without punctuation, dashes for spaces. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = page.matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
