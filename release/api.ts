import { writeFile } from 'node:fs/promises';
import {
  type ClassDeclaration,
  type ExportedDeclarations,
  type FunctionDeclaration,
  type JSDoc,
  type MethodDeclaration,
  Node,
  Project,
} from 'ts-morph';

// the reference of the library, docs/api.md, from what src/index.ts exports and what is said there of each

const project = new Project({ tsConfigFilePath: 'tsconfig.json', skipAddingFilesFromTsConfig: true });
const index = project.addSourceFileAtPath('src/index.ts');
project.resolveSourceFileDependencies();

const declared = [...index.getExportedDeclarations()].flatMap(([name, [first]]) =>
  first === undefined ? [] : [{ name, declaration: first }],
);
const byName = (a: { readonly name: string }, b: { readonly name: string }): number =>
  a.name.localeCompare(b.name, 'en');
const sections = [
  { title: 'Functions', is: (of: ExportedDeclarations) => Node.isFunctionDeclaration(of) },
  { title: 'Classes', is: (of: ExportedDeclarations) => Node.isClassDeclaration(of) },
  { title: 'Constants', is: (of: ExportedDeclarations) => Node.isVariableDeclaration(of) },
  {
    title: 'Types',
    is: (of: ExportedDeclarations) => Node.isInterfaceDeclaration(of) || Node.isTypeAliasDeclaration(of),
  },
];

const parts = sections.map(({ title, is }) => {
  const own = declared.filter(({ declaration }) => is(declaration)).toSorted(byName);
  return [`## ${title}`, ...own.map(({ name, declaration }) => entry(name, declaration))].join('\n\n');
});
await writeFile(
  'docs/api.md',
  `${['# API', 'Made by `npm run api` from what the package exports. [The library](library.md) shows how it is used.', ...parts].join('\n\n')}\n`,
);
process.stdout.write(`docs/api.md: ${declared.length} exports\n`);

function entry(name: string, declaration: ExportedDeclarations): string {
  if (Node.isFunctionDeclaration(declaration)) {
    const overloads = declaration.getOverloads();
    const shown = overloads.length > 0 ? overloads : [declaration];
    const docs = [...declaration.getJsDocs(), ...overloads.flatMap((each) => each.getJsDocs())];
    return block(`${name}()`, docs, shown.map(signature).join('\n'));
  }
  if (Node.isClassDeclaration(declaration)) return block(name, declaration.getJsDocs(), members(declaration));
  if (Node.isVariableDeclaration(declaration)) {
    const statement = declaration.getVariableStatement();
    const type = declaration.getTypeNode()?.getText() ?? declaration.getType().getText(declaration);
    return block(name, statement?.getJsDocs() ?? [], `const ${name}: ${type};`);
  }
  const docs = Node.isJSDocable(declaration) ? declaration.getJsDocs() : [];
  return block(name, docs, declaration.getText().replace(/^\/\*\*[\s\S]*?\*\/\s*/, ''));
}

function block(title: string, docs: readonly JSDoc[], code: string): string {
  return [`### ${title}`, ...docs.map(words), `\`\`\`ts\n${code}\n\`\`\``].join('\n\n');
}

/** The description as it stands, which is Markdown, and each tag as an item of a list. */
function words(doc: JSDoc): string {
  const tags = doc.getTags().map((tag) => {
    const text = (tag.getCommentText() ?? '').replaceAll(/\s*\n\s*/g, ' ');
    const subject = Node.isJSDocParameterTag(tag) ? `\`${tag.getName()}\`` : 'Throws';
    return `* ${subject} ${text}`;
  });
  return [doc.getDescription().trim(), ...(tags.length > 0 ? [tags.join('\n')] : [])].join('\n\n');
}

function signature(of: FunctionDeclaration | MethodDeclaration): string {
  const star = of.isGenerator() ? '*' : '';
  const modifiers = of.getModifiers().map((modifier) => modifier.getText());
  const shown = modifiers.filter((word) => word !== 'export' && word !== 'async').map((word) => `${word} `);
  const parameters = of.getParameters().map((parameter) => parameter.getText());
  const kind = Node.isFunctionDeclaration(of) ? `function${star} ` : star;
  return `${shown.join('')}${kind}${of.getName() ?? ''}(${parameters.join(', ')}): ${of.getReturnTypeNode()?.getText() ?? 'void'};`;
}

/** What is public of a class, with what is said of it. */
function members(of: ClassDeclaration): string {
  const comment = (docs: readonly JSDoc[]): string => docs.map((doc) => `${doc.getText()}\n`).join('');
  const isPublic = (scoped: { getScope(): string }): boolean => scoped.getScope() === 'public';
  const lines = [
    ...of
      .getProperties()
      .flatMap((property) =>
        property.getName().startsWith('#') || !isPublic(property)
          ? []
          : [`${comment(property.getJsDocs())}${property.getText().replace(/^\/\*\*[\s\S]*?\*\/\s*/, '')}`],
      ),
    ...of.getGetAccessors().map((accessor) => {
      return `${comment(accessor.getJsDocs())}get ${accessor.getName()}(): ${accessor.getReturnTypeNode()?.getText() ?? ''};`;
    }),
    ...of
      .getMethods()
      .filter((method) => !method.getName().startsWith('#') && isPublic(method))
      .map((method) => `${comment(method.getJsDocs())}${signature(method)}`),
  ];
  return `class ${of.getName() ?? ''} {\n${lines.join('\n\n').replaceAll(/^(?=.)/gm, '  ')}\n}`;
}
