#!/usr/bin/env node
import { systemIo } from '../src/cli/io.js';
import { main } from '../src/cli/main.js';

void main(process.argv.slice(2), systemIo()).then((code) => {
  process.exitCode = code;
});
