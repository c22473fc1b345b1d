import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const nodeGlobals = Object.fromEntries(
  ['process', 'console', 'Buffer', 'URL', 'setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'].map((name) => [
    name,
    'readonly',
  ]),
);

/** Words of an old private vocabulary. docs/reference/glossary.md has the terms to use. */
const deniedWords = [
  'anew ask asked asking asks bent beside bystander chance door doors few glance hear heard hears made',
  'mended most nobody nth patience place placed places said say says spoken tallied tally tell tells',
  'told trouble turn turns usual whoever',
].flatMap((line) => line.split(' '));
const capitalized = (word) => word[0].toUpperCase() + word.slice(1);

/** Matches names in which a denied word is one of several words: `mostRows`, `freshPlace`, `MOST_ROWS`. */
const compoundWithDeniedWord = (words) =>
  [
    `^_*(${words.join('|')})[A-Z0-9_]`,
    `.(${words.map(capitalized).join('|')})([A-Z0-9_]|$)`,
    `^(${words.map(capitalized).join('|')})[A-Z0-9_]`,
    `(^|_)(${words.join('|').toUpperCase()})(_|$)`,
  ].join('|');

/** Where a name is declared. `it` is denied only there, since Jest has a global of that name. */
const declarations = [
  ':function > Identifier.params',
  ':function > Identifier.id',
  'ClassDeclaration > Identifier.id',
  'VariableDeclarator > Identifier.id',
  'AssignmentPattern > Identifier.left',
  'ArrayPattern > Identifier',
  'RestElement > Identifier',
  'ObjectPattern > Property > Identifier.value',
  'TSFunctionType > Identifier.params',
  'TSInterfaceDeclaration > Identifier.id',
  'TSTypeAliasDeclaration > Identifier.id',
];
const members = [
  'MethodDefinition > Identifier.key',
  'PropertyDefinition > Identifier.key',
  'ObjectExpression > Property > Identifier.key',
  'TSPropertySignature > Identifier.key',
  'TSMethodSignature > Identifier.key',
  'PrivateIdentifier',
];
const named = (selectors, pattern) => selectors.map((selector) => `${selector}[name=/${pattern}/]`).join(', ');

/** The rules that reject denied words, but for words that are names of stored or public fields. */
const vocabularyWithout = (...storedNames) => {
  const denied = deniedWords.filter((word) => !storedNames.includes(word));
  return {
    'id-denylist': ['error', ...denied, ...denied.map(capitalized)],
    'no-restricted-syntax': [
      'error',
      {
        selector: named([...declarations, ...members], compoundWithDeniedWord(denied)),
        message: 'This name contains a word that is not used here. See deniedWords in eslint.config.js.',
      },
      { selector: named(declarations, '^it$'), message: 'Name the parameter or variable after what it holds.' },
    ],
  };
};

/** Names in stored data and in the API cannot change. These files may use them. */
const storedNames = [
  { files: ['libs/commands/idempotency-service*.ts'], rules: vocabularyWithout('made') },
  { files: ['libs/http/paging.ts'], rules: vocabularyWithout('asked') },
  { files: ['libs/http/problem.schemas.ts'], rules: vocabularyWithout('most') },
  {
    files: ['projections/lead-history/*.projection.ts', 'projections/waiting-leads/*.ts'],
    rules: vocabularyWithout('turn', 'turns'),
  },
];

export default defineConfig(
  { ignores: ['dist*/', 'node_modules/', 'data/', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  { rules: vocabularyWithout() },
  ...storedNames,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: false }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // `import { type A }` would still load the file at run time.
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: { globals: nodeGlobals },
    rules: { 'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }] },
  },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs' } },
);
