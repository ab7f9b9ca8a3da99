// Builds the three ES modules and the style sheet that trainlab ships. Same sources, same bytes.
import { build } from "esbuild";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const options = {
  absWorkingDir: here,
  outdir: "../trainlab/widgets/static",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "inline",
  logLevel: "info",
};

// uPlot marks no comment of its own as legal, and its licence asks to travel with every copy.
const licence = `/*! uPlot\n${readFileSync(new URL("node_modules/uplot/LICENSE", import.meta.url), "utf8").trim()}\n*/`;

await build({ ...options, entryPoints: ["panels.js", "runs.js"] });
await build({ ...options, entryPoints: ["run.js", "style.css"], banner: { js: licence, css: licence } });
