import assert from "node:assert/strict";
import test from "node:test";

import "../plugin.js";
import { call, cases } from "sport/testing";

test("it greets", async () => {
  assert.equal((await call("hello", { name: "Ada" })).text, "hello, Ada");
});

test("the cases hold", () => cases(new URL("../cases.json", import.meta.url)));
