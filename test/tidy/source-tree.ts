import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import ts from 'typescript';

export const ROOT = join(import.meta.dirname, '..', '..');

/** One source file, parsed. */
export interface SourceFile {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly ast: ts.SourceFile;
}

/** One import or re-export. */
export interface Import {
  /** A path from the repository's root, or a package, or a module of Node. */
  readonly target: string;
  readonly line: number;
  /** Gone at run time. `import { type A }` is not: it still loads its module. */
  readonly typeOnly: boolean;
  readonly reexport: boolean;
}

/** Source below these folders, code of Svelte components included. */
export function sourceFiles(folders: readonly string[]): SourceFile[] {
  return folders
    .flatMap((folder) => globSync(`${folder}/**/*.{ts,js,cjs,mjs,svelte}`, { cwd: ROOT }))
    .map((path) => path.replaceAll(sep, '/'))
    .filter((path) => !/(^|\/)(node_modules|dist)\//.test(path))
    .sort()
    .map((path) => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      const code = path.endsWith('.svelte') ? scriptsOf(text) : text;
      const kind = /\.[cm]?js$/.test(path) ? ts.ScriptKind.JS : ts.ScriptKind.TS;
      return { path, text, ast: ts.createSourceFile(path, code, ts.ScriptTarget.Latest, true, kind) };
    });
}

/** The scripts of a component, each on its own lines: everything else is blanked. */
function scriptsOf(component: string): string {
  const scripts = [...component.matchAll(/(<script\b[^>]*>)([\s\S]*?)<\/script>/g)];
  let code = '';
  for (const { index, 1: tag = '', 2: body = '' } of scripts) {
    code += blanked(component.slice(code.length, index + tag.length)) + body;
  }
  return code;
}

function blanked(text: string): string {
  return text.replaceAll(/[^\n]/g, ' ');
}

/** Every node of a file, parents first. */
export function* nodesOf(root: ts.Node): Generator<ts.Node> {
  yield root;
  const children: ts.Node[] = [];
  ts.forEachChild(root, (child) => {
    children.push(child);
  });
  for (const child of children) yield* nodesOf(child);
}

/** `file:line`, for a message somebody can click. */
export function at(file: SourceFile, node: ts.Node): string {
  return `${file.path}:${lineOf(file, node.getStart(file.ast))}`;
}

export function lineOf({ ast }: SourceFile, position: number): number {
  return ast.getLineAndCharacterOfPosition(position).line + 1;
}

export function importsOf(file: SourceFile): Import[] {
  const imports: Import[] = [];
  for (const node of nodesOf(file.ast)) {
    const found = asImport(node);
    if (found === null) continue;
    const { specifier, ...rest } = found;
    imports.push({ ...rest, target: resolved(file.path, specifier), line: lineOf(file, node.getStart()) });
  }
  return imports;
}

function asImport(
  node: ts.Node,
): (Pick<Import, 'typeOnly' | 'reexport'> & { readonly specifier: string }) | null {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const typeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
    return { specifier: node.moduleSpecifier.text, typeOnly, reexport: false };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly, reexport: true };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    const { literal } = node.argument;
    if (ts.isStringLiteral(literal)) return { specifier: literal.text, typeOnly: true, reexport: false };
  }
  if (ts.isCallExpression(node) && isLoader(node.expression)) {
    const [argument] = node.arguments;
    if (argument !== undefined && ts.isStringLiteral(argument)) {
      return { specifier: argument.text, typeOnly: false, reexport: false };
    }
  }
  return null;
}

function isLoader(callee: ts.Expression): boolean {
  return (
    callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require')
  );
}

export function resolved(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return normalize(join(dirname(from), specifier)).replaceAll(sep, '/');
}

/** Files of text that belong to the repository, whatever their kind; what is built or recorded is left out. */
export function textFiles(): { readonly path: string; readonly text: string }[] {
  const folders = ['src', 'test', 'bench', 'scripts', 'examples', 'dashboards', 'docs', 'migrations', '.ci'];
  const inFolders = folders.flatMap((folder) => globSync(`${folder}/**/*.*`, { cwd: ROOT }));
  const atRoot = globSync('*.{md,json,js,ts,yml,yaml}', { cwd: ROOT });
  const named = ['.npmrc', '.gitignore', '.ci/run'].filter((path) => existsSync(join(ROOT, path)));
  return [...inFolders, ...atRoot, ...named]
    .map((path) => path.replaceAll(sep, '/'))
    .filter((path) => !/(^|\/)(node_modules|dist|recordings)\//.test(path))
    .filter((path) =>
      /\.(md|json|[cm]?[jt]s|svelte|css|html|sql|ya?ml|txt|npmrc|gitignore)$|\/run$/.test(path),
    )
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}
