import { defineConfig } from "vite";

// `npm run dev` shows the page beside a running collector: COLLECTOR=http://127.0.0.1:8700 npm run dev
const collector = process.env["COLLECTOR"];

export default defineConfig({
  build: { target: "es2022", sourcemap: false, assetsInlineLimit: 2048 },
  server: {
    host: "127.0.0.1",
    ...(collector ? { proxy: { "/api": collector, "/enter": collector } } : {}),
  },
});
