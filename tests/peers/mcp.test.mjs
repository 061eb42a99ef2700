// `sport mcp` and the official TypeScript clients: the package that most programs have (@modelcontextprotocol/sdk, with the
// handshake), and the newer one (@modelcontextprotocol/client) with the handshake and without. Over a pipe and over HTTP.
//
// Run by `make test-peers`; $SPORT_PEERS_NODE is a folder with the real packages.
//
// * tools are listed and called; the client holds results against their schemas
// * sessions: open, run, fork, close; files as links that are read
// * progress, a cancelled call, a deadline
// * a tool that is added is told
// * a client without the token, and one with the page of a stranger, is kept out

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const require = createRequire(join(process.env.SPORT_PEERS_NODE, "package.json"));
const sdk = {
  Client: require("@modelcontextprotocol/sdk/client/index.js").Client,
  Pipe: require("@modelcontextprotocol/sdk/client/stdio.js").StdioClientTransport,
  Http: require("@modelcontextprotocol/sdk/client/streamableHttp.js").StreamableHTTPClientTransport,
  Changed: require("@modelcontextprotocol/sdk/types.js").ToolListChangedNotificationSchema,
};
const newer = {
  Client: require("@modelcontextprotocol/client").Client,
  Pipe: require("@modelcontextprotocol/client/stdio").StdioClientTransport,
  Http: require("@modelcontextprotocol/client").StreamableHTTPClientTransport,
  Changed: "notifications/tools/list_changed",
};
const KINDS = [
  { name: "sdk", of: sdk, options: {}, old: true },
  { name: "client, handshake", of: newer, options: {}, old: true },
  { name: "client, without", of: newer, options: { versionNegotiation: { mode: { pin: "2026-07-28" } } }, old: false },
];
const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const SPORT = join(ROOT, "target/release/sport");
const TOKEN = "a-token-that-nobody-guesses-4711";
// Longer than anything takes on a busy machine.
const LONG = 60_000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

class Server {
  constructor(over, flags) {
    Object.assign(this, { over, flags, folder: mkdtempSync(join(tmpdir(), "sport-peers-")) });
    this.env = { ...process.env, SPORT_CONFIG: join(this.folder, "config"), SPORT_MCP_TOKEN: TOKEN };
  }

  async start() {
    if (this.over !== "http") return;
    this.child = spawn(SPORT, ["mcp", "--http", "0", ...this.flags], { env: this.env, stdio: ["ignore", "inherit", "pipe"] });
    for await (const line of createInterface({ input: this.child.stderr })) {
      this.url = new URL(line.match(/^listening on (\S+)$/)[1]);
      break;
    }
    this.child.stderr.resume();
  }

  plugin(...args) {
    execFileSync(SPORT, ["plugin", ...args], { env: this.env, stdio: "pipe" });
  }

  transport(of, headers = { Authorization: `Bearer ${TOKEN}` }) {
    return this.over === "http"
      ? new of.Http(this.url, { requestInit: { headers } })
      : new of.Pipe({ command: SPORT, args: ["mcp", ...this.flags], env: this.env });
  }

  async connect(kind, headers) {
    const client = new kind.of.Client({ name: "peer", version: "1" }, kind.options);
    await client.connect(this.transport(kind.of, headers));
    return client;
  }

  stop() {
    this.child?.kill("SIGINT");
    rmSync(this.folder, { recursive: true });
  }
}

/** Runs a test with every client, over every way, each with a server of its own. */
function inEveryWay(name, flags, run) {
  for (const kind of KINDS) {
    for (const over of ["pipe", "http"]) {
      test(`${name} (${kind.name}, ${over})`, { timeout: 2 * LONG }, async () => {
        const server = new Server(over, flags);
        await server.start();
        const client = await server.connect(kind);
        try {
          await run(client, server, kind);
        } finally {
          await client.close();
          server.stop();
        }
      });
    }
  }
}

/** Both packages take options, in another place. */
function call(client, kind, name, args, options = {}) {
  const params = { name, arguments: args };
  const all = { timeout: LONG, ...options };
  return kind.of === sdk ? client.callTool(params, undefined, all) : client.callTool(params, all);
}

async function open(client, kind, args = {}) {
  const opened = await call(client, kind, "python_open", args);
  assert.ok(!opened.isError, JSON.stringify(opened));
  return opened.structuredContent.session;
}

const run = (client, kind, session, code, options) => call(client, kind, "python_run", { session, code }, options);

inEveryWay("tools", ["--tool", "calculator"], async (client, server, kind) => {
  assert.equal(client.getServerVersion().name, "sport");
  const tools = (await client.listTools()).tools;
  const calculate = tools.find((tool) => tool.name === "calculate");
  assert.equal(calculate.annotations.readOnlyHint, true);
  const result = await call(client, kind, "calculate", { expression: "6*7" });
  assert.equal(result.structuredContent.result, 42);
  assert.equal((await call(client, kind, "calculate", { expression: "6*" })).isError, true);
  await assert.rejects(call(client, kind, "no_such_tool", {}));
});

inEveryWay("sessions and files", ["--tool", "image"], async (client, server, kind) => {
  const cache = process.env.SPORT_CACHE ?? join(homedir(), ".cache/sport");
  const base64 = readFileSync(join(cache, "images/coffee.png")).toString("base64");
  await client.listTools();
  const uri = (await call(client, kind, "artifact_put", { name: "photo.png", base64 })).structuredContent.uri;
  const cropped = await call(client, kind, "crop_image", { image: uri, box: [0, 0, 40, 30] });
  const link = cropped.content.find((block) => block.type === "resource_link");
  const read = (await client.readResource({ uri: link.uri })).contents[0];
  assert.ok(read.blob.startsWith("iVBORw0"));
  const session = await open(client, kind, { files: [{ name: "photo.png", uri }] });
  const code = "open('/scratch/out.txt', 'w').write('made')\nimage_info(image='photo.png')['width']";
  const result = await run(client, kind, session, code);
  assert.equal(result.structuredContent.value, 600);
  const out = result.content.find((block) => block.type === "resource_link");
  assert.equal((await client.readResource({ uri: out.uri })).contents[0].text, "made");
  const fork = (await call(client, kind, "python_fork", { session })).structuredContent.session;
  await run(client, kind, fork, "x = 1");
  assert.equal((await run(client, kind, session, "x")).structuredContent.raised.class, "NameError");
  await call(client, kind, "python_close", { session });
  assert.equal((await run(client, kind, session, "1")).isError, true);
});

inEveryWay("progress and an end", [], async (client, server, kind) => {
  await client.listTools();
  let session = await open(client, kind);
  const heard = [];
  const code = "n = 0\nwhile True:\n    n += 1\n    if n % 200000 == 0: print('so far', n, flush=True)";
  const args = { session, code, timeout_seconds: 3 };
  const result = await call(client, kind, "python_run", args, { onprogress: (progress) => heard.push(progress) });
  assert.equal(result.structuredContent.ending, "deadline");
  assert.ok(heard.length >= 2, `${heard.length} words of progress`);
  assert.ok(heard.some((progress) => progress.message.includes("so far")));
  // a call that is no longer wanted: the client says so, and the session is free
  session = await open(client, kind);
  await run(client, kind, session, "x = 5");
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 1500);
  await assert.rejects(run(client, kind, session, "while True: pass", { signal: stop.signal }));
  const began = Date.now();
  const after = await run(client, kind, session, "x");
  assert.ok(Date.now() - began < 20_000);
  assert.equal(after.structuredContent.healthy, false);
  const fork = (await call(client, kind, "python_fork", { session })).structuredContent.session;
  assert.equal((await run(client, kind, fork, "x")).structuredContent.value, 5);
});

inEveryWay("a tool is added", ["--no-interpreter"], async (client, server, kind) => {
  const names = async () => (await client.listTools()).tools.map((tool) => tool.name);
  assert.deepEqual(await names(), ["artifact_put"]);
  const changed = new Promise((resolve) => client.setNotificationHandler(kind.of.Changed, resolve));
  // with a handshake the client opens its listening stream by itself, beside the first requests
  const listening = kind.old ? await sleep(1000) : await client.listen({ toolsListChanged: true });
  const path = join(server.folder, "sums.wasm");
  copyFileSync(join(ROOT, "target/components/calculator.wasm"), path);
  server.plugin("add", path);
  await changed;
  assert.deepEqual(await names(), ["artifact_put", "calculate"]);
  assert.equal((await call(client, kind, "calculate", { expression: "2+3" })).structuredContent.result, 5);
  await listening?.close();
});

test("who is kept out", { timeout: LONG }, async () => {
  const server = new Server("http", ["--no-interpreter"]);
  await server.start();
  try {
    const good = `Bearer ${TOKEN}`;
    for (const headers of [{}, { Authorization: "Bearer wrong" }, { Authorization: good, Origin: "https://evil.example" }]) {
      for (const kind of KINDS) {
        await assert.rejects(server.connect(kind, headers), (error) => !String(error).includes(TOKEN));
      }
    }
  } finally {
    server.stop();
  }
});
