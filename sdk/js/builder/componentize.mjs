/**
 * Makes the component of a plugin in JavaScript. `sport plugin build` calls this, in the project's own copy of the SDK:
 *
 *     node componentize.mjs TOOLS PROJECT NAME OUTPUT      TOOLS is the folder that package.json beside this was installed in
 *
 * esbuild puts the plugin and what it uses of the SDK into one module and says what does not parse or is not there; what that
 * module still imports of the host is the component's request for capabilities. The plugin is imported natively next, because
 * Node says in a tenth of a second what is wrong with it. Then componentize-js evaluates the module in an engine that already
 * runs as WebAssembly and keeps the memory as it then is. What goes wrong is one JSON object on standard output:
 * {"error": "one line"}.
 */

import { createHash } from "node:crypto";
import { cp, lstat, mkdir, mkdtemp, readFile, readdir, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { SourceMap, builtinModules, createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const PACKAGE = dirname(HERE);
const WIT = resolve(PACKAGE, "../../wit");
const MODULE = "plugin.js";
const SDK = "sport-sdk-js 0.1.0";
const VERSION = "0.1.0";
/** The features of the engine that would import WASI. */
const WASI = ["stdio", "random", "clocks", "http", "fetch-event"];

/** Something that the author can mend; the message says what and where. */
class Wrong extends Error {}

/** Makes `sport` a name that resolves from the project, in the way that npm does for a folder. */
async function link(project) {
  const place = join(project, "node_modules/sport");
  const there = await realpath(place).catch(() => undefined);
  if (there === (await realpath(PACKAGE))) {
    return;
  }
  const stale = there === undefined && (await lstat(place).catch(() => undefined))?.isSymbolicLink();
  if (stale) {
    await rm(place);
  } else if (there !== undefined) {
    throw new Wrong("node_modules/sport is another package than the SDK in .sport; remove it and build again");
  }
  await mkdir(dirname(place), { recursive: true });
  await symlink(relative(await realpath(dirname(place)), PACKAGE), place);
}

/** One module of everything that the plugin uses, and the interfaces of the host that it imports. */
async function bundle(esbuild, project, kind) {
  const entry = [
    // The plugin's module first, then what takes the machine away.
    `import "./${MODULE}";`,
    'import "sport/component/machine";',
    `export { ${kind} } from "sport/component/${kind}";`,
  ];
  const options = {
    stdin: { contents: entry.join("\n"), resolveDir: project, sourcefile: "sport_app.js" },
    absWorkingDir: project,
    bundle: true,
    charset: "utf8",
    conditions: ["sport", "import"],
    external: ["sport:host/*"],
    format: "esm",
    logLevel: "silent",
    mainFields: ["module", "main"],
    metafile: true,
    outfile: "sport_app.js",
    platform: "neutral",
    sourcemap: "external",
    target: "es2022",
    write: false,
  };
  const made = await esbuild.build(options).catch((error) => {
    throw error.errors?.length > 0 ? new Wrong(said(error.errors[0])) : error;
  });
  const file = (ending) => made.outputFiles.find((one) => one.path.endsWith(ending)).text;
  const [output] = Object.values(made.metafile.outputs).filter((one) => one.entryPoint !== undefined);
  const names = output.imports.map((one) => /^sport:host\/([a-z]+)@/.exec(one.path)?.[1]);
  return { code: file(".js"), map: JSON.parse(file(".map")), asked: [...new Set(names)].filter(Boolean).sort() };
}

/** An error of esbuild in one line. */
function said({ text, location }) {
  const name = /^Could not resolve "(?:node:)?([^"/]+)/.exec(text)?.[1];
  const why = builtinModules.includes(name)
    ? "; a plugin has no machine: no files, no sockets, no processes"
    : name === undefined
      ? ""
      : "; install it in the project, or correct the name";
  const place = location === null ? MODULE : `${location.file}:${location.line}`;
  return `${place}: ${text}${why}; correct it and build again`;
}

/** Imports the plugin natively and says what kind it is. */
async function look(project) {
  const { TOOLS, VERIFIERS } = await import(pathToFileURL(join(PACKAGE, "src/plugin.js")));
  try {
    await import(pathToFileURL(join(project, MODULE)));
  } catch (error) {
    const what = error instanceof Error ? `${error.name}: ${error.message}` : `it throws ${String(error)}`;
    throw new Wrong(`${placeOf(error, project)}: ${what}; correct it and build again`);
  }
  if (TOOLS.size > 0 && VERIFIERS.length > 0) {
    throw new Wrong(`${MODULE} declares tools and a verifier; a component is one of them, so make two projects`);
  }
  if (TOOLS.size === 0 && VERIFIERS.length === 0) {
    throw new Wrong(`${MODULE} declares nothing: call tool or verifier of sport`);
  }
  return TOOLS.size > 0 ? "tool" : "verifier";
}

/** Whether a file, by its path in the project, is the author's. */
function isOwn(path) {
  return !path.startsWith("..") && !path.split("/").some((part) => part === "node_modules" || part === ".sport");
}

/** File, line and function of the author's that an error comes from. */
function placeOf(error, project) {
  for (const frame of String(error?.stack ?? "").split("\n")) {
    const [, name, url, line] = /^\s+at (?:(?:async )?(\S+) .*?\()?(file:\/\/[^)]+?):(\d+):\d+\)?$/.exec(frame) ?? [];
    const path = url === undefined ? ".." : relative(project, fileURLToPath(url)).split(sep).join("/");
    if (isOwn(path)) {
      return name === undefined ? `${path}:${line}` : `${path}:${line}, in ${name}`;
    }
  }
  return MODULE;
}

/**
 * Where the lines of the module come from: a line, the file and its line, each good until the next; a file without a name where it
 * is not the author's. The component says with it where something was thrown.
 */
function lines(code, map) {
  const source = new SourceMap(map);
  const pieces = [];
  code.split("\n").forEach((text, index) => {
    const at = source.findEntry(index, text.length);
    const known = at.originalSource !== undefined && at.generatedLine === index;
    const [file, line] = known && isOwn(at.originalSource) ? [at.originalSource, at.originalLine + 1] : ["", 0];
    const last = pieces.at(-1);
    const goesOn = last !== undefined && last[1] === file && (file === "" || last[2] + index + 1 - last[0] === line);
    if (!goesOn) {
      pieces.push([index + 1, file, line]);
    }
  });
  return pieces;
}

/** An unsigned number as WebAssembly writes it. */
function leb128(number) {
  const out = [];
  for (; number > 0x7f; number >>>= 7) {
    out.push((number & 0x7f) | 0x80);
  }
  return Buffer.from([...out, number]);
}

/** A custom section (id 0): its name, then any bytes. */
function customSection(name, payload) {
  const body = Buffer.concat([leb128(Buffer.byteLength(name)), Buffer.from(name), Buffer.from(payload)]);
  return Buffer.concat([Buffer.from([0]), leb128(body.length), body]);
}

/** The component's bytes. All paths that the engine is given are relative to a folder without blanks: it splits them there. */
async function component(tools, name, kind, { code, map, asked }) {
  const { componentize } = await import(
    pathToFileURL(join(tools, "node_modules/@bytecodealliance/componentize-js/src/componentize.js"))
  );
  const folder = await mkdtemp(join(tmpdir(), "sport-component-"));
  const before = process.cwd();
  const pieces = lines(code, map);
  try {
    process.chdir(folder);
    const imports = asked.map((one) => `import sport:host/${one}@${VERSION};\n`).join("");
    await mkdir("wit/deps", { recursive: true });
    await writeFile("wit/world.wit", `package sport:project;\nworld plugin {\n${imports}export sport:${kind}/${kind}@${VERSION};\n}\n`);
    for (const one of ["base", "host", kind]) {
      await cp(join(WIT, one), join("wit/deps", one), { recursive: true });
    }
    const known = { SPORT_LINES: pieces, ...(kind === "verifier" && { SPORT_NAME: name }) };
    await writeFile("sport_app.js", `${code}Object.assign(globalThis, ${JSON.stringify(known)});\n`);
    const made = await componentize({ sourcePath: "sport_app.js", witPath: "wit", worldName: "plugin", disableFeatures: WASI });
    const contract = JSON.stringify({ packages: { [`sport:${kind}`]: VERSION }, sdk: SDK });
    return Buffer.concat([made.component, customSection("sport:contract", contract)]);
  } catch (error) {
    console.error(error.message);
    const [, line, what] = /sport_app\.js:(\d+):\d+ (\w*Error: [^\n]+?):?(?:\n|$)/.exec(error.message) ?? [];
    const [from, file, at] = pieces.findLast(([from]) => from <= Number(line)) ?? [0, "", 0];
    const place = file === "" ? MODULE : `${file}:${at + Number(line) - from}`;
    throw new Wrong(
      what === undefined
        ? `componentize-js cannot make a component of ${MODULE}; its own words are above`
        : `${place}: ${what} (the engine of a component has no machine, no Intl and no \\p{…}); correct it and build again`,
    );
  } finally {
    process.chdir(before);
    await rm(folder, { recursive: true, force: true });
  }
}

/** The digest of what a component is made from. */
async function digest(name, { code }) {
  const total = createHash("sha256").update(`${name}\n${code}`);
  const files = await readdir(WIT, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath ?? file.path, file.name));
  for (const path of [fileURLToPath(import.meta.url), join(HERE, "package-lock.json"), ...paths.sort()]) {
    total.update(await readFile(path));
  }
  return total.digest("hex");
}

/** Builds beside the output, then moves: nobody ever sees half a component. Does nothing if nothing changed since the last time. */
async function main(tools, project, name, output) {
  await link(project);
  const esbuild = createRequire(join(tools, "package.json"))("esbuild");
  const first = await bundle(esbuild, project, "tool");
  const inputs = await digest(name, first);
  const stamp = join(dirname(output), `.${name}.inputs`);
  const built = await Promise.all([lstat(output), readFile(stamp, "utf8")]).catch(() => []);
  if (built[1] === inputs) {
    return;
  }
  const kind = await look(project);
  const bytes = await component(tools, name, kind, kind === "tool" ? first : await bundle(esbuild, project, kind));
  await mkdir(dirname(output), { recursive: true });
  const part = join(dirname(output), `.component-${process.pid}-${basename(output)}`);
  await writeFile(part, bytes);
  await rename(part, output);
  await writeFile(stamp, inputs);
}

try {
  const [tools, project, name, output] = process.argv.slice(2);
  await main(await realpath(tools), await realpath(project), name, resolve(output));
  // what the plugin's module started natively, a timer for example, is not waited for
  process.exit(0);
} catch (error) {
  if (!(error instanceof Wrong)) {
    throw error;
  }
  process.stdout.write(`${JSON.stringify({ error: error.message })}\n`, () => process.exit(3));
}
