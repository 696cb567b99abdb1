import assert from 'node:assert/strict';
import { basename, dirname } from 'node:path';
import ts from 'typescript';
import { describe, it } from 'vitest';
import { at, lineOf, nodesOf, type SourceFile, sourceFiles } from './source-tree.ts';

const FUNCTION_LINES_MAX = 70;
const FILE_LINES_MAX = 400;
const FOLDER_FILES_MAX = 15;
const CLASS_LINES_MAX = 200;
const MUTABLE_FIELDS_MAX = 10;
const PARAMETERS_MAX = 4;

const PRODUCT = sourceFiles(['src', 'dashboards/web/src', 'scripts', 'bench', 'examples']);
const TESTS = sourceFiles(['test']);
const EVERYTHING = [...PRODUCT, ...TESTS];

/** Larger ones that are known, and why. */
const LARGE_FOLDERS: Readonly<Record<string, string>> = {
  bench: 'one file a part, named in one list, and what they share',
};
const LARGE_CLASSES: Readonly<Record<string, string>> = {
  'src/agent/llm/reader/json-scanner.ts JsonScanner':
    'one automaton over characters: its states share what a method of another class would have to be handed, on the hottest path',
};

/** Where something is, for everything in the files that `isWrong` picks. */
function findings(
  files: readonly SourceFile[],
  isWrong: (node: ts.Node, file: SourceFile) => boolean,
): string[] {
  return files.flatMap((file) =>
    [...nodesOf(file.ast)].filter((node) => isWrong(node, file)).map((node) => at(file, node)),
  );
}

const below = (folder: string) => PRODUCT.filter(({ path }) => path.startsWith(folder));

describe('sizes', () => {
  it(`of functions stay at ${FUNCTION_LINES_MAX} lines`, () => {
    const isTooLong = (node: ts.Node, file: SourceFile) =>
      isFunction(node) && !isGroupOfTests(node) && linesOf(node, file) > FUNCTION_LINES_MAX;
    assert.deepEqual(findings(EVERYTHING, isTooLong), []);
  });

  it(`of classes stay at ${CLASS_LINES_MAX} lines and ${MUTABLE_FIELDS_MAX} fields that change`, () => {
    const large = PRODUCT.flatMap((file) =>
      [...nodesOf(file.ast)].filter(ts.isClassLike).flatMap((node) => {
        const isLarge = linesOf(node, file) > CLASS_LINES_MAX || mutableFields(node) > MUTABLE_FIELDS_MAX;
        return isLarge ? [`${file.path} ${node.name?.text}`] : [];
      }),
    );
    assert.deepEqual(large.toSorted(), Object.keys(LARGE_CLASSES).toSorted());
  });

  it(`of folders stay at ${FOLDER_FILES_MAX} files`, () => {
    const folders = Map.groupBy(EVERYTHING, ({ path }) => dirname(path));
    const large = [...folders]
      .filter(([, files]) => files.length > FOLDER_FILES_MAX)
      .map(([folder]) => folder);
    assert.deepEqual(large, Object.keys(LARGE_FOLDERS));
  });

  it(`of files stay at ${FILE_LINES_MAX} lines`, () => {
    const long = EVERYTHING.filter(({ text }) => text.trimEnd().split('\n').length > FILE_LINES_MAX);
    assert.deepEqual(
      long.map(({ path }) => path),
      [],
    );
  });

  it(`of parameter lists stay at ${PARAMETERS_MAX}`, () => {
    assert.deepEqual(
      findings(PRODUCT, (node) => isFunction(node) && usedParameters(node) > PARAMETERS_MAX),
      [],
    );
  });
});

/** The switch of the SDK is asked for before anything else is loaded, and a collector starts anew with an environment of its own. */
const ENVIRONMENT: readonly string[] = [
  'src/config/config.ts',
  'src/config/disabled.ts',
  'src/platform/memory/small-heap.ts',
];

describe('what is nowhere', () => {
  it('the environment is read in one file, and before it is', () => {
    const elsewhere = below('src/').filter(({ path }) => !ENVIRONMENT.includes(path));
    assert.deepEqual(findings(elsewhere, readsEnvironment), []);
  });

  it('the core has no clock, no randomness and no process', () => {
    const impure = new Set([
      'process',
      'performance',
      'crypto',
      'fetch',
      'console',
      'setTimeout',
      'setInterval',
      'setImmediate',
      'queueMicrotask',
    ]);
    const isImpure = (node: ts.Node) =>
      (ts.isIdentifier(node) && impure.has(node.text) && isReference(node)) ||
      isMemberOf(node, 'Date', 'now') ||
      isMemberOf(node, 'Math', 'random') ||
      (ts.isNewExpression(node) &&
        node.expression.getText() === 'Date' &&
        (node.arguments ?? []).length === 0);
    assert.deepEqual(findings(below('src/core/'), isImpure), []);
  });

  it('no default export, no `export *`', () => {
    const isWrong = (node: ts.Node) =>
      ts.isExportAssignment(node) ||
      (ts.isExportDeclaration(node) && node.exportClause === undefined) ||
      (ts.canHaveModifiers(node) &&
        (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword));
    // Hosts take pages, routes and settings of their apps from there.
    const own = EVERYTHING.filter(({ path }) => !path.startsWith('test/packages/hosts/apps/'));
    assert.deepEqual(findings(own, isWrong), []);
  });

  it('no `any`, and no comment that silences the compiler', () => {
    const typed = EVERYTHING.filter(({ path }) => !/\.[cm]?js$/.test(path));
    assert.deepEqual(
      findings(typed, (node) => node.kind === ts.SyntaxKind.AnyKeyword),
      [],
    );
    const silenced = EVERYTHING.filter(({ text }) => /@ts-(ignore|nocheck)/.test(text));
    assert.deepEqual(
      silenced.map(({ path }) => path),
      [],
    );
  });

  it('no non-null assertion in the product', () => {
    assert.deepEqual(findings([...below('src/'), ...below('dashboards/')], ts.isNonNullExpression), []);
  });

  it('no file named after nothing in particular', () => {
    const vague = /^(utils?|helpers?|common|misc|shared|managers?|data|stuff)\./i;
    assert.deepEqual(
      EVERYTHING.map(({ path }) => path).filter((path) => vague.test(basename(path))),
      [],
    );
  });

  it('no note to do something later', () => {
    const later = EVERYTHING.filter(({ text }) => /\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/.test(text));
    assert.deepEqual(
      later.map(({ path }) => path),
      [],
    );
  });
});

function linesOf(node: ts.Node, file: SourceFile): number {
  return lineOf(file, node.end) - lineOf(file, node.getStart(file.ast)) + 1;
}

function isFunction(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return ts.isFunctionLike(node) && 'body' in node && node.body !== undefined;
}

/** What `describe` is given holds tests, each of which is counted by itself. */
function isGroupOfTests({ parent }: ts.Node): boolean {
  return ts.isCallExpression(parent) && /^(describe|suite)\b/.test(parent.expression.getText());
}

function mutableFields({ members }: ts.ClassLikeDeclaration): number {
  const isReadonly = ({ modifiers }: ts.PropertyDeclaration) =>
    (modifiers ?? []).some(({ kind }) => kind === ts.SyntaxKind.ReadonlyKeyword);
  return members.filter((member) => ts.isPropertyDeclaration(member) && !isReadonly(member)).length;
}

/** Leading parameters that are not used are there because a library passes them. */
function usedParameters({ parameters }: ts.FunctionLikeDeclaration): number {
  return parameters.filter(({ name }) => !name.getText().startsWith('_')).length;
}

function isMemberOf(node: ts.Node, object: string, member: string): boolean {
  return (
    ts.isPropertyAccessExpression(node) && node.expression.getText() === object && node.name.text === member
  );
}

/** `process.env`, `process['env']`, and `env` by any other way out of `process`. */
function readsEnvironment(node: ts.Node): boolean {
  if (isMemberOf(node, 'process', 'env')) return true;
  if (ts.isElementAccessExpression(node)) return node.expression.getText() === 'process';
  if (ts.isVariableDeclaration(node)) return node.initializer?.getText() === 'process';
  return ts.isImportDeclaration(node) && /^['"](node:)?process['"]$/.test(node.moduleSpecifier.getText());
}

/** An identifier that stands for a variable, rather than naming a member of something else. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  return !(
    ts.isPropertyAssignment(parent) ||
    ts.isPropertySignature(parent) ||
    ts.isMethodDeclaration(parent)
  );
}
