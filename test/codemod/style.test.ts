import { expect, it } from 'vitest';
import { styleOf } from '../../src/codemod/style.js';

it('reads the habits of a text', () => {
  const spaced = `import { a } from './a.js';\nconst b = { c: \`\${a}\` };\n`;
  expect(styleOf(spaced)).toEqual({ quote: "'", semicolon: ';', padding: ' ', lineFeed: '\n' });
  const tight = '// it\'s not "quoted" here\r\nimport {a} from "./a.js"\r\nconst b = {c: a}\r\n';
  expect(styleOf(tight)).toEqual({ quote: '"', semicolon: '', padding: '', lineFeed: '\r\n' });
});
