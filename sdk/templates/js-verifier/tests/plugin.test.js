import assert from "node:assert/strict";
import test from "node:test";

import { judgeOne } from "../plugin.js";
import { cases } from "sport/testing";

test("an answer passes", () => {
  assert.equal(judgeOne({ code: "", answer: 42 }).verdict, "pass");
  assert.equal(judgeOne({ code: "" }).verdict, "fail");
});

test("the cases hold", () => cases(new URL("../cases.json", import.meta.url)));
