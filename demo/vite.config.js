import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = path => fileURLToPath(new URL(path, import.meta.url));

/** The networks that ship, and their cards, stand beside the page under their own names. */
const shipModels = {
  name: 'ship-models',
  generateBundle() {
    for (const name of readdirSync(here('models')).filter(file => /\.(safetensors|md)$/.test(file)))
      this.emitFile({ type: 'asset', fileName: `models/${name}`, source: readFileSync(here(`models/${name}`)) });
  },
};

// biome-ignore lint/style/noDefaultExport: Vite reads it so.
export default defineConfig({
  root: here('.'),
  plugins: [shipModels],
  resolve: {
    // The pages use the library as anyone would, by its entries.
    alias: [
      { find: /^eddy$/, replacement: here('../src/index.ts') },
      { find: /^eddy\/operators$/, replacement: here('../src/operators/index.ts') },
      { find: /^eddy\/client$/, replacement: here('../src/client/browser.ts') },
    ],
  },
  build: {
    outDir: here('../dist/demo'),
    emptyOutDir: true,
    // All pages are one script, so that each tab is there at once; a test bounds what of it goes over the network.
    chunkSizeWarningLimit: 700,
    target: 'es2022',
    // A page of one script has nothing to preload.
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/load': 'http://localhost:8080' } },
});
