import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Tests that need a page open one of their own: see test/page.ts.
    environment: "node",
    include: ["test/**/*.test.ts"],
  },
});
