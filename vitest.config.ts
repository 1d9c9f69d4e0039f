import { defineConfig } from 'vitest/config';

// two workers share the processor: threads of ONNX Runtime that spin would take it from each other
const env = { FRELU_THREADS: '2' };

export default defineConfig({
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000, pool: 'forks', maxWorkers: 2, env },
});
