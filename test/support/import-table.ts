import { posix } from 'node:path';
import { scan, type Token } from './source-tokens.ts';

/** One row of the table: who, and what it may import. */
export type Row = {
  /** A layer (`domain`), one file (`config.ts`), or `adapters/*`: each folder of it by itself. */
  files: string;
  layers: Set<string>;
  /** Folders of other adapters that each may build on. */
  folders: Set<string>;
  ownFolder: boolean;
  /** Packages and `node:` modules by name. An empty list of names means all that the module exports. */
  modules: Map<string, Set<string>>;
  anyNpm: boolean;
  anyNode: boolean;
};

export type ImportTable = {
  rows: Row[];
  /** Folders that may hold more than `maxFiles` files. */
  large: Set<string>;
  /** Files and folders that may read `process.env`. */
  environment: Set<string>;
};

export type Violation = { file: string; line: number; rule: string; detail: string };

/** Names from package.json. */
export type Packages = { dependencies: Set<string>; devDependencies: Set<string> };

/** Paths relative to `src/`, and what stands in the files. */
export type Sources = ReadonlyMap<string, string>;

export const maxFiles = 20;
export const maxLines = 450;
export const forbiddenFolders = [
  'utils',
  'util',
  'common',
  'shared',
  'helpers',
  'lib',
  'types',
  'interfaces',
  'services',
];

/** Reads the tables that stand right below `<!-- name -->` in docs/architecture.md. Errors: throws when one is missing or not understood. */
export function parseArchitecture(markdown: string): ImportTable {
  return {
    rows: tableOf(markdown, 'import table').map(([files = '', may = '']) => rowOf(files, may)),
    large: new Set(tableOf(markdown, 'large folders').map(([folder = '']) => plain(folder).replace(/^src\//, ''))),
    environment: new Set(tableOf(markdown, 'environment').map(([file = '']) => plain(file).replace(/^src\//, ''))),
  };
}

function tableOf(markdown: string, name: string): string[][] {
  const from = markdown.indexOf(`<!-- ${name} -->`);
  if (from === -1) throw new Error(`docs/architecture.md has no table <!-- ${name} -->`);
  const lines = markdown.slice(from).split('\n').slice(1);
  const end = lines.findIndex((line) => !line.startsWith('|'));
  const rows = lines.slice(2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  if (rows.length === 0) throw new Error(`the table <!-- ${name} --> of docs/architecture.md is empty`);
  return rows;
}

const plain = (cell: string): string => cell.replaceAll('`', '');

function rowOf(files: string, may: string): Row {
  const row: Row = {
    files: plain(files),
    layers: new Set(),
    folders: new Set(),
    ownFolder: false,
    modules: new Map(),
    anyNpm: false,
    anyNode: false,
  };
  for (const entry of may.split(',').map((text) => text.trim())) {
    const [, name, list] = /^`([^`]+)`(?: \(only ((?:`\w+` ?)+)\))?$/.exec(entry) ?? [];
    if (entry === 'its own folder') row.ownFolder = true;
    else if (entry === 'any npm package') row.anyNpm = true;
    else if (entry === 'any `node:` module') row.anyNode = true;
    else if (name === undefined) throw new Error(`${row.files}: "${entry}" in the import table is not understood`);
    else if (name.startsWith('adapters/')) row.folders.add(name);
    else if (isLayer(name)) row.layers.add(layerOf(name));
    else row.modules.set(name, new Set(list === undefined ? [] : plain(list).trim().split(' ')));
  }
  return row;
}

const layers = ['domain', 'ports', 'app', 'adapters', 'http', 'jobs', 'cli', 'config', 'compose'];
const layerOf = (path: string): string => path.split('/')[0]!.replace(/(\.test)?\.ts$/, '');
const isLayer = (name: string): boolean => layers.includes(layerOf(name)) && !name.startsWith('node:');
const isTest = (file: string): boolean => file.endsWith('.test.ts');

export type Import = { specifier: string; line: number; names: string[] };

/**
 * Everything a file may pull in: static and dynamic imports, re-exports, import types, `require`, and strings that name a TypeScript file beside it (the
 * entry of a worker or a child process).
 */
export function importsOf(tokens: Token[]): Import[] {
  const found: Import[] = [];
  tokens.forEach((token, i) => {
    if (token.kind !== 'string') return;
    const [before, last] = [tokens[i - 2], tokens[i - 1]];
    const isCall = last?.text === '(' && (before?.text === 'import' || before?.text === 'require');
    const isFrom = last?.kind === 'word' && (last.text === 'from' || last.text === 'import');
    if (isCall || isFrom || /^\.\.?\/.*\.ts$/.test(token.text)) {
      found.push({ specifier: token.text, line: token.line, names: isFrom ? namesBefore(tokens, i - 1) : ['*'] });
    }
  });
  return found;
}

/** The names between the braces of `import { a, b as c } from`; `*` for anything else. */
function namesBefore(tokens: Token[], from: number): string[] {
  if (tokens[from - 1]?.text !== '}') return ['*'];
  const names: string[] = [];
  for (let i = from - 2; tokens[i] !== undefined && tokens[i]!.text !== '{'; i -= 1) {
    const token = tokens[i]!;
    if (token.kind === 'word' && token.text !== 'as' && token.text !== 'type' && tokens[i - 1]?.text !== 'as')
      names.push(token.text);
  }
  return names;
}

/** Every rule, over every file. */
export function checkSources(sources: Sources, table: ImportTable, packages: Packages): Violation[] {
  const perFile = [...sources].flatMap(([file, source]) => {
    const { tokens, balanced } = scan(source);
    const violations = [
      ...checkImports(file, tokens, table, packages),
      ...checkEnvironment(file, tokens, table),
      ...checkPurity(file, tokens),
    ];
    const lines = source.split('\n').length - 1;
    if (!balanced) violations.push({ line: 1, rule: 'unreadable', detail: 'a bracket or a template is never closed' });
    if (lines > maxLines) violations.push({ line: maxLines, rule: 'long-file', detail: `${lines} lines` });
    return violations.map((violation) => ({ file, ...violation }));
  });
  return [...perFile, ...checkFolders([...sources.keys()], table)];
}

type Found = Omit<Violation, 'file'>;

function checkImports(file: string, tokens: Token[], table: ImportTable, packages: Packages): Found[] {
  const row = table.rows.find(({ files }) =>
    files.endsWith('/*')
      ? file.startsWith(files.slice(0, -1)) && file.split('/').length > 2
      : layerOf(files) === layerOf(file),
  );
  if (row === undefined) return [{ line: 1, rule: 'no-layer', detail: 'the file belongs to no row of the table' }];
  return [...computedImports(tokens), ...importsOf(tokens).flatMap((one) => problemWith(one, file, row, packages))];
}

function computedImports(tokens: Token[]): Found[] {
  return tokens.flatMap((token, i) => {
    const called = (token.text === 'import' || token.text === 'require') && token.kind === 'word';
    const computed = called && tokens[i + 1]?.text === '(' && tokens[i + 2]?.kind !== 'string';
    const isName = tokens[i - 1]?.text === '.' || tokens[i + 2]?.text === ')';
    return computed && !isName
      ? [{ line: token.line, rule: 'computed-import', detail: 'what is imported cannot be read from the code' }]
      : [];
  });
}

function problemWith({ specifier, line, names }: Import, file: string, row: Row, packages: Packages): Found[] {
  const refuse = (detail: string): Found[] => [{ line, rule: 'forbidden-import', detail }];
  if (/^[.#]/.test(specifier)) {
    const target = specifier.startsWith('#') ? specifier.slice(1) : posix.join(posix.dirname(file), specifier);
    if (target.startsWith('..')) return refuse(`${specifier} lies outside src/`);
    const own = row.ownFolder ? folderOf(target) === folderOf(file) : isTest(file) && layerOf(target) === layerOf(file);
    return own || row.layers.has(layerOf(target)) || row.folders.has(folderOf(target))
      ? []
      : refuse(`${specifier} (${row.files} may not)`);
  }
  const name = packageOf(specifier);
  const isNode = name.startsWith('node:');
  const allowed = row.modules.get(name);
  if (isTest(file) && (isNode || packages.devDependencies.has(name))) return [];
  if (allowed === undefined && !(isNode ? row.anyNode : row.anyNpm)) return refuse(`${name} (${row.files} may not)`);
  if (!isNode && !packages.dependencies.has(name)) return refuse(`${name} is no dependency of package.json`);
  const strange = allowed === undefined || allowed.size === 0 ? [] : names.filter((one) => !allowed.has(one));
  return strange.length === 0 ? [] : refuse(`${strange.join(', ')} of ${name} (${row.files} may not)`);
}

/** `adapters/x`: the folder that an adapter may import from. */
const folderOf = (path: string): string => path.split('/').slice(0, 2).join('/');

/** `@scope/name/path` → `@scope/name`; `node:fs/promises` stays. */
function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function checkEnvironment(file: string, tokens: Token[], table: ImportTable): Found[] {
  const allowed = [...table.environment].some((one) => (one.endsWith('/') ? file.startsWith(one) : file === one));
  if (allowed || isTest(file)) return [];
  return tokens.flatMap((token, i) => {
    const read = token.text === 'process' && token.kind === 'word' && isMember(tokens, i, 'env');
    const imported = token.kind === 'string' && /^(node:)?process$/.test(token.text);
    return read || imported ? [{ line: token.line, rule: 'environment', detail: 'process.env is read here' }] : [];
  });
}

/** `name.member`, `name?.member`, `name['member']`. */
function isMember(tokens: Token[], i: number, member: string): boolean {
  const rest = tokens.slice(i + 1, i + 4).map(({ text }) => text);
  return rest[0] === '.' || rest[0] === '[' ? rest[1] === member : rest[0] === '?' && rest[2] === member;
}

/** What would make a rule of `domain` or a use case of `app` depend on the moment, on chance, or on the machine. `app` may measure how long it took. */
const impureWords: Record<string, ReadonlySet<string>> = {
  domain: new Set('process fetch setTimeout setInterval setImmediate performance console crypto require'.split(' ')),
  app: new Set('process fetch setTimeout setInterval setImmediate console crypto require'.split(' ')),
};

function checkPurity(file: string, tokens: Token[]): Found[] {
  const words = impureWords[layerOf(file)];
  if (words === undefined || isTest(file)) return [];
  return tokens.flatMap((token, i) => {
    const next = tokens[i + 1]?.text;
    const isMemberName = tokens[i - 1]?.text === '.' || next === ':';
    if (token.kind !== 'word' || isMemberName) return [];
    const impure = (detail: string): Found[] => [{ line: token.line, rule: 'impure', detail }];
    if (words.has(token.text) && (next === '.' || next === '(' || next === '[')) return impure(token.text);
    if (token.text === 'Date' && isMember(tokens, i, 'now')) return impure('Date.now');
    if (token.text === 'Math' && isMember(tokens, i, 'random')) return impure('Math.random');
    const isNew = token.text === 'Date' && tokens[i - 1]?.text === 'new';
    if (isNew && (next !== '(' || tokens[i + 2]?.text === ')')) return impure('new Date without a time');
    return [];
  });
}

function checkFolders(files: string[], table: ImportTable): Violation[] {
  const counts = new Map<string, number>();
  for (const file of files) {
    const folder = posix.dirname(file);
    if (!isTest(file)) counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  const folders = new Set(files.flatMap((file) => ancestors(posix.dirname(file))));
  const drawer = [...folders].filter((folder) => forbiddenFolders.includes(posix.basename(folder)));
  const large = [...counts].filter(([folder, count]) => count > maxFiles && !table.large.has(folder));
  return [
    ...drawer.map((file) => ({ file, line: 0, rule: 'drawer', detail: 'a folder name that says nothing' })),
    ...large.map(([file, count]) => ({ file, line: 0, rule: 'large-folder', detail: `${count} files` })),
  ];
}

function ancestors(folder: string): string[] {
  return folder === '.' ? [] : [folder, ...ancestors(posix.dirname(folder))];
}

/** Circles of imports as `a.ts → b.ts → a.ts`, each once. Imports of types are left out: nothing of them is there when the program runs. */
export function importCycles(sources: Sources): string[] {
  const edges = new Map([...sources].map(([file, source]) => [file, runtimeTargets(file, source, sources)]));
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    const start = path.indexOf(file);
    if (start !== -1) {
      cycles.push([...path.slice(start), file].join(' → '));
      return;
    }
    if (done.has(file)) return;
    for (const target of edges.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  return cycles;
}

function runtimeTargets(file: string, source: string, sources: Sources): string[] {
  // Only what is loaded along with the file: `import … from`, `export … from`, `import '…'`, each at the start of a line, as the formatter leaves them.
  const specifiers = [...source.matchAll(/^(?:import|export) (?!type )(?:[^;'"]*? from )?'([^']+)'/gm)];
  return specifiers.flatMap(([, specifier = '']) => {
    const target = specifier.startsWith('#') ? specifier.slice(1) : posix.join(posix.dirname(file), specifier);
    return sources.has(target) ? [target] : [];
  });
}
