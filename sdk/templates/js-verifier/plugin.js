import { fail, pass, verifier } from "sport";

export function judgeOne(candidate) {
  return candidate.answer === undefined ? fail(0, "it gave no answer") : pass(1, "it gave an answer");
}

verifier({
  description: "Passes a candidate that gave an answer.",
  judge: ({ candidates }) => candidates.map(judgeOne),
  deterministic: true,
});
