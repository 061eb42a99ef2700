/**
 * The SDK natively.
 *
 * - schemas: the short form, the whole one, keywords that are not checked, what is refused and what the message says
 * - calls: defaults, files, results of every kind, failures and what else is thrown, `async`
 * - the host in memory: artifacts, keys with revisions, requests with secrets, other tools, models, the log, what is not there
 * - verifiers: steps in the host's form, configs
 * - cases.json: what does not hold is said, all of it
 */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";

import {
  Failure, Image, Outcome, Text, abstain, artifacts, chat, context, fail, fetch, kv, log, pass, secrets, tool, tools, verifier,
} from "sport";
import { Host, call, cases, judge } from "sport/testing";

let made = 0;

/** Declares a tool under a new name and gives that. */
function declare(rest) {
  made += 1;
  tool({ name: `t${made}`, description: "Does.", ...rest });
  return `t${made}`;
}

/** The failure of a call. */
async function failure(work) {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    return error;
  }
  assert.fail("it did not fail");
}

test("arguments are checked by the short form of a schema", async () => {
  const name = declare({
    input: {
      city: { type: "string", minLength: 1, description: "where" },
      days: { type: "integer", minimum: 1, maximum: 9, default: 3 },
      unit: { enum: ["C", "F"], optional: true },
    },
    output: { type: "object" },
    call: (input) => input,
  });
  assert.deepEqual((await call(name, { city: "Ulm" })).structured, { days: 3, city: "Ulm" });
  assert.deepEqual((await call(name, { city: "Ulm", days: 2, unit: "F" })).structured, { city: "Ulm", days: 2, unit: "F" });
  for (const [input, code, words] of [
    [{}, "missing-argument", "needs `city`; it takes `city` (a string of at least 1 characters), `days` (a whole number from 1 to 9, optional)"],
    [{ city: 1 }, "invalid-argument", "`city` must be a string of at least 1 characters, not 1"],
    [{ city: "" }, "invalid-argument", "`city` must be"],
    [{ city: "Ulm", days: 1.5 }, "invalid-argument", "a whole number from 1 to 9, not 1.5"],
    [{ city: "Ulm", unit: "K" }, "invalid-argument", 'one of "C", "F", not "K"'],
    [{ city: "Ulm", __proto__x: 1 }, "unknown-argument", "has no `__proto__x`"],
    [JSON.parse('{"city": "Ulm", "__proto__": {}}'), "unknown-argument", "has no `__proto__`"],
    [{ city: "Ulm", toString: 1 }, "unknown-argument", "has no `toString`"],
    [[], "invalid-input", "must be an object"],
  ]) {
    const error = await failure(() => call(name, input));
    assert.deepEqual([error.kind, error.code], ["invalid-input", code], error.message);
    assert.ok(error.message.includes(words), error.message);
  }
});

test("a whole schema is checked keyword by keyword", async () => {
  const input = {
    type: "object",
    properties: {
      tree: { $ref: "#/$defs/node" },
      pair: { type: "array", prefixItems: [{ type: "string" }, { type: "number" }], items: false },
      set: { type: "array", items: { type: "integer" }, uniqueItems: true, maxItems: 3 },
      either: { oneOf: [{ type: "string", pattern: "^a" }, { type: "string", pattern: "b$" }] },
      never: { not: { type: "null" } },
      all: { allOf: [{ type: "number" }, { multipleOf: 0.5, exclusiveMinimum: 0 }] },
      maybe: { type: ["string", "null"] },
      map: { type: "object", additionalProperties: { type: "boolean" }, maxProperties: 1 },
      one: { const: { a: [1] } },
    },
    $defs: { node: { type: "object", properties: { next: { $ref: "#/$defs/node" } }, additionalProperties: false } },
  };
  const name = declare({ input, call: () => "yes" });
  const right = [
    { tree: { next: { next: {} } } }, { pair: ["a", 1] }, { pair: ["a"] }, { set: [1, 2, 3] }, { either: "ax" }, { never: 0 },
    { all: 1.5 }, { maybe: null }, { map: { x: true } }, { one: { a: [1] } }, {},
  ];
  const wrong = [
    { tree: { next: { other: 1 } } }, { pair: ["a", 1, 2] }, { pair: [1] }, { set: [1, 1] }, { set: [1, 2, 3, 4] }, { either: "ab" },
    { either: "x" }, { never: null }, { all: 0 }, { all: 0.7 }, { maybe: 1 }, { map: { x: 1 } }, { map: { x: true, y: true } },
    { one: { a: [2] } }, { one: { a: [1], b: 1 } }, { unknown: 1 },
  ];
  for (const one of right) {
    assert.equal((await call(name, one)).text, "yes", JSON.stringify(one));
  }
  for (const one of wrong) {
    assert.equal((await failure(() => call(name, one))).kind, "invalid-input", JSON.stringify(one));
  }
});

test("what is wrong with a declaration is said where it stands", () => {
  const refused = (declared, words) => assert.throws(() => tool({ name: "x", description: "x", call: () => 1, ...declared }), words);
  refused({ name: "" }, /needs a name/);
  refused({ description: " " }, /tool x needs a description/);
  refused({ call: 1 }, /needs the function call/);
  refused({ readonly: true }, /has readonly, which there is not; there is readOnly/);
  refused({ input: { a: { dependentRequired: {} } } }, /input of tool x\.properties\.a has "dependentRequired"/);
  refused({ input: { a: "string" } }, /is no JSON Schema/);
  refused({ input: { type: "array" } }, /arguments are an object/);
  refused({ input: { a: { type: "string", pattern: "(" } } }, /Invalid regular expression/);
  refused({ input: { a: { $ref: "https://example.com/" } } }, /a reference is/);
  const name = declare({ call: () => 1 });
  refused({ name }, /two tools are called/);
});

test("what comes back is text, content or structured", async () => {
  const outcome = async (result, output) => call(declare({ output, call: async () => result }));
  assert.equal((await outcome("hi")).text, "hi");
  assert.equal((await outcome("hi", { type: "string" })).structured, undefined);
  assert.deepEqual(await outcome(undefined), new Outcome());
  assert.deepEqual((await outcome(new Image("image/png", new Uint8Array([1])))).content.length, 1);
  assert.deepEqual((await outcome([new Text("a"), new Text("b")])).text, "a\nb");
  const { text, structured } = await outcome([1, { a: null }], { type: "array" });
  assert.deepEqual([text, structured], ['[1,{"a":null}]', [1, { a: null }]]);
  assert.deepEqual((await outcome(new Outcome([new Text("a")], 1))).structured, 1);
});

test("what is thrown is a failure", async () => {
  const thrown = (error) => failure(() => call(declare({ call: () => { throw error; } })));
  const own = await thrown(new Failure("no such city", { kind: "not-found", code: "no-such-city", details: { near: 1 } }));
  assert.deepEqual([own.kind, own.code, own.details], ["not-found", "no-such-city", { near: 1 }]);
  const other = await thrown(new RangeError("too far"));
  assert.deepEqual([other.kind, other.code, other.message], ["internal", "internal", "RangeError: too far"]);
  assert.equal((await thrown("words")).message, "words");
  const deep = declare({ call: function again() { return again() + 1; } });
  assert.equal((await failure(() => call(deep))).code, "stack-exhausted");
  assert.equal((await failure(() => call("nobody"))).code, "unknown-tool");
  assert.throws(() => new Failure("x", { kind: "other" }), /there is no kind of failure "other"/);
});

test("files come in and go out", async () => {
  const name = declare({
    input: { file: { type: "string", format: "sport-artifact" }, more: { type: ["string", "null"], format: "sport-artifact", optional: true } },
    output: { type: "string", format: "sport-artifact" },
    call: ({ file }) => artifacts.create(artifacts.text(file).toUpperCase(), "text/plain", "loud.txt"),
  });
  const host = new Host();
  await host.run(async () => {
    const { content, structured } = await call(name, { file: host.file("quiet").toJSON(), more: null });
    assert.equal(artifacts.text(content[0]), "QUIET");
    assert.deepEqual(Object.keys(structured), ["digest", "media-type", "size", "name"]);
    const large = artifacts.create(new Uint8Array(3_000_000).fill(7), "x/y");
    assert.equal(artifacts.bytes(large).filter((byte) => byte === 7).length, 3_000_000);
    assert.equal((await failure(() => artifacts.text(host.file(new Uint8Array([255]))))).kind, "invalid-input");
    assert.equal((await failure(() => call(name, { file: "a.txt" }))).code, "invalid-argument");
    const gone = { ...host.file("x"), digest: "sha256:0" };
    assert.equal((await failure(() => artifacts.bytes(gone))).kind, "not-found");
  });
});

test("keys have revisions", () =>
  new Host().run(async () => {
    assert.equal(kv.get("a"), undefined);
    const first = kv.set("a", "1", 0);
    assert.deepEqual([kv.get("a").text, kv.get("a").revision], ["1", first]);
    assert.equal((await failure(() => kv.set("a", "2", 0))).kind, "conflict");
    assert.ok(kv.set("a", new Uint8Array([50]), first) > first);
    kv.set("b", "");
    assert.deepEqual([kv.keys(), kv.keys("b")], [["a", "b"], ["b"]]);
    assert.deepEqual([kv.remove("b"), kv.remove("b")], [true, false]);
  }));

test("requests are answered by the test, and secrets stay with the host", async () => {
  const host = new Host({
    answers: { "https://a/": new fetch.Response(200, { body: '{"t": 1}', headers: [["x-a", "b"]] }), "https://b/": ({ body }) => new fetch.Response(201, { body }) },
    secrets: ["token"],
  });
  await host.run(async () => {
    const response = fetch.get("https://a/", { headers: { authorization: ["Bearer ", new secrets.Secret("token")], accept: "*/*" } });
    assert.deepEqual([response.json(), response.header("X-A")], [{ t: 1 }, "b"]);
    assert.deepEqual(host.requests[0].headers, { authorization: "Bearer <token>", accept: "*/*" });
    assert.equal(fetch.post("https://b/", "echo").text(), "echo");
    const denied = await failure(() => fetch.get("https://c/"));
    assert.deepEqual([denied.kind, denied.code], ["denied", "fetch-denied"]);
    assert.equal((await failure(() => new secrets.Secret("other"))).code, "secret-missing");
  });
});

test("other tools and models are the test's", async () => {
  const host = new Host({
    tools: { add: ({ a, b }) => a + b, deny: () => { throw new Failure("no", { kind: "denied", code: "not-you" }); } },
    models: { judge: ({ messages, schema }) => (schema ? '{"better": 1}' : `${messages.length} ${messages[1].content[0].text}`) },
  });
  await host.run(async () => {
    assert.equal(tools.invoke("add", { a: 1, b: 2 }).structured, 3);
    assert.equal((await failure(() => tools.invoke("deny"))).code, "not-you");
    assert.equal((await failure(() => tools.invoke("none"))).code, "no-such-tool");
    assert.deepEqual(tools.list().map(({ name }) => name), ["add", "deny"]);
    assert.equal(chat.ask("judge", { system: "s", user: "u" }).text, "2 u");
    assert.equal(chat.askFor("judge", { type: "object" }, { user: "which?" }).better, 1);
    assert.equal((await failure(() => chat.ask("vision", { user: "?" }))).code, "chat-unknown-model");
    assert.equal(host.questions.length, 3);
    log.warn("careful", { place: 1 });
    context.progress(0.5, "half");
    assert.deepEqual(host.log, [{ level: "warn", message: "careful", fields: { place: "1" } }]);
    assert.deepEqual([host.progress.length, context.runId(), context.remaining().tokensLeft], [1, "native", undefined]);
  });
});

test("a verifier judges steps in the host's form", async () => {
  verifier({
    description: "Passes those whose last tool gave the answer.",
    config: { strict: { type: "boolean", default: false } },
    judge: ({ candidates }, { strict }) =>
      candidates.map(({ answer, execution }) => {
        const last = execution.tools.at(-1);
        return last === undefined ? abstain("no tool") : last.result === answer && !strict ? pass(1, "equal") : fail(0, last.failure?.code ?? "not equal");
      }),
  });
  const use = (outcome) => ({ ending: "answered", tools: [{ name: "add", arguments: {}, outcome }], wall_ms: 3 });
  const step = {
    query: "?",
    candidates: [
      { code: "1", answer: 3, execution: use({ Ok: { content: [], structured: 3 } }) },
      { code: "2", answer: 4, execution: use({ Err: { kind: "denied", code: "not-you", message: "no" } }) },
      { code: "3" },
    ],
  };
  const words = (judged) => judged.map(({ verdict, rationale }) => `${verdict} ${rationale}`);
  assert.deepEqual(words(await judge(step)), ["pass equal", "fail not-you", "abstain no tool"]);
  assert.deepEqual(words(await judge(step, { strict: true })), ["fail not equal", "fail not-you", "abstain no tool"]);
  assert.equal((await failure(() => judge(step, { strict: 1 }))).kind, "invalid-input");
  assert.throws(() => verifier({ description: "x", judge: () => [] }), /is one verifier/);
});

test("cases that do not hold are all named", async () => {
  const folder = await mkdtemp(join(tmpdir(), "sport-cases-"));
  try {
    const double = declare({ input: { number: { type: "number" } }, output: { type: "number" }, call: ({ number }) => number * 2 });
    const length = declare({ input: { file: { type: "string", format: "sport-artifact" } }, call: ({ file }) => artifacts.text(file) });
    const listed = [
      { tool: double, arguments: { number: 2 }, structured: 4 },
      { tool: double, arguments: {}, failure: "missing-argument" },
      { tool: length, arguments: { file: "a.txt" }, files: ["a.txt"], text: "abc" },
      { tool: double, arguments: { number: 2 }, structured: 5 },
      { tool: double, arguments: { number: 2 }, failure: "denied" },
      { tool: double, arguments: {} },
      { step: { candidates: [{ code: "1" }] }, verdicts: ["pass"] },
    ];
    await writeFile(join(folder, "a.txt"), "abc");
    const url = pathToFileURL(join(folder, "cases.json"));
    await writeFile(url, JSON.stringify(listed.slice(0, 3)));
    await cases(url);
    await writeFile(url, JSON.stringify(listed));
    await assert.rejects(cases(url), (error) => {
      const lines = error.message.split("\n");
      assert.equal(lines.length, 4, error.message);
      assert.match(lines[0], /case 4 .*the result is 4; it should be 5/);
      assert.match(lines[1], /case 5 .*it should fail with denied, and it did not/);
      assert.match(lines[2], /case 6 .*it failed with invalid-input/);
      assert.match(lines[3], /case 7 \(judge\): the verdicts are \["abstain"\]/);
      return true;
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
