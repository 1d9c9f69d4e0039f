import babelTraverse from '@babel/traverse';

/** Walks a syntax tree with its scopes. Node gives this CommonJS package whole; bundlers and test runners its default export. */
export const traverse = 'default' in babelTraverse ? babelTraverse.default : babelTraverse;
