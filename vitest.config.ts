import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Warnings are about source maps that packages announce and do not have.
  logLevel: 'error',
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    globals: false,
    // These packages import JSON without an import attribute, which Node refuses; Vite does not.
    server: { deps: { inline: [/@actions\/(languageservice|workflow-parser|expressions)/] } },
    // Named here so that the default for GitHub Actions, which prints workflow commands, is never used:
    // the tests are full of findings, and none of them is one of this repository.
    reporters: process.env.VITEST_JSON
      ? ['default', ['json', { outputFile: process.env.VITEST_JSON }]]
      : ['default'],
    // A snapshot that is missing in CI is a failure, not a new snapshot.
    update: process.env.CI ? 'none' : 'new',
    snapshotFormat: { escapeString: false, printBasicPrototype: false },
    testTimeout: 20_000,
  },
});
