// How files of tests are run: `npx ava dist/test/model/model.test.js`. All of them together: scripts/whole.config.js
// biome-ignore lint/style/noDefaultExport: AVA asks for it
export default {
  files: ['dist/test/**/*.test.js'],
  timeout: '2m',
  concurrency: 3,
};
