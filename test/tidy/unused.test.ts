import assert from 'node:assert/strict';
import ts from 'typescript';
import { describe, it } from 'vitest';
import { importsOf, nodesOf, resolved, type SourceFile, sourceFiles } from './source-tree.ts';

const PRODUCT = sourceFiles(['src', 'dashboards/web/src', 'scripts', 'bench', 'examples']);
const SOURCE = PRODUCT.filter(({ path }) => path.startsWith('src/'));
/** What users of the package import. */
const ENTRIES = new Set([
  'src/index.ts',
  'src/client/index.ts',
  'src/otel.ts',
  'src/preload.ts',
  'src/cli.ts',
]);
const CRUMB_LINES = 30;

/** Exports that the product does not use, and why they stay. */
const USED_BY_TESTS_ONLY: Readonly<Record<string, string>> = {};

/** Small files with one importer, and why they stay: lists of one file per thing are left out already. */
const CRUMBS: Readonly<Record<string, string>> = {
  'src/agent/api/input-refusals.ts': 'an instrument, which the documentation lists',
  'src/agent/http/route.ts': 'templates of routes, with tests of their own',
  'src/agent/metrics/observations.ts': 'instruments, which the documentation lists, with tests of their own',
};
/** One file per thing, and a list that imports them. */
const ONE_PER_THING = /^src\/(commands|agent\/llm\/dialects|collector\/host)\//;

describe('nothing is kept for nobody', () => {
  it('no export is used by tests only', () => {
    const used = new Set(PRODUCT.flatMap(usedElsewhere));
    const unused = SOURCE.filter(({ path }) => !ENTRIES.has(path)).flatMap((file) =>
      exportsOf(file)
        .filter((name) => !used.has(`${file.path} ${name}`) && !used.has(`${file.path} *`))
        .filter((name) => mentions(file, name) < 2)
        .map((name) => `${file.path} ${name}`),
    );
    assert.deepEqual(unused, Object.keys(USED_BY_TESTS_ONLY));
  });

  it(`no file of less than ${CRUMB_LINES} lines has one importer only`, () => {
    const importers = new Map<string, Set<string>>();
    for (const file of PRODUCT) {
      for (const { target } of importsOf(file)) {
        importers.set(target, (importers.get(target) ?? new Set()).add(file.path));
      }
    }
    const crumbs = SOURCE.filter(({ path }) => !ENTRIES.has(path) && !ONE_PER_THING.test(path))
      .filter(({ text }) => text.trimEnd().split('\n').length < CRUMB_LINES)
      .filter(({ path }) => (importers.get(path)?.size ?? 0) < 2)
      .map(({ path }) => path);
    assert.deepEqual(crumbs, Object.keys(CRUMBS));
  });
});

/** `path name` for everything a file takes from another one; `path *` where all of it is taken. */
function usedElsewhere(file: SourceFile): string[] {
  return [...nodesOf(file.ast)].flatMap((node) => {
    if (ts.isImportDeclaration(node))
      return names(file, node.moduleSpecifier, node.importClause?.namedBindings);
    if (ts.isExportDeclaration(node)) return names(file, node.moduleSpecifier, node.exportClause);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      return names(file, node.argument.literal);
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      return names(file, node.arguments[0]);
    }
    return [];
  });
}

function names(
  { path }: SourceFile,
  specifier: ts.Node | undefined,
  bindings?: ts.NamedImportBindings | ts.NamedExportBindings,
): string[] {
  if (specifier === undefined || !ts.isStringLiteral(specifier)) return [];
  const target = resolved(path, specifier.text);
  if (bindings === undefined) return [`${target} *`];
  if (!ts.isNamedImports(bindings) && !ts.isNamedExports(bindings)) return [`${target} *`];
  return bindings.elements.map(({ name, propertyName }) => `${target} ${(propertyName ?? name).text}`);
}

function exportsOf({ ast }: SourceFile): string[] {
  return ast.statements.flatMap((statement) => {
    const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
    if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
    if (ts.isVariableStatement(statement)) {
      return statement.declarationList.declarations.map(({ name }) => name.getText(ast));
    }
    const { name } = statement as ts.DeclarationStatement;
    return name === undefined ? [] : [name.getText(ast)];
  });
}

/** How often a file has a name in it: an export that it uses itself is there for more than tests. */
function mentions({ ast }: SourceFile, name: string): number {
  return [...nodesOf(ast)].filter((node) => ts.isIdentifier(node) && node.text === name).length;
}
