import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Tests that need a page open one of their own: see test/page.ts.
    environment: "node",
    include: ["test/**/*.test.ts"],
    // A test that fails because the machine is busy says nothing about the code.
    testTimeout: 60_000,
  },
});
