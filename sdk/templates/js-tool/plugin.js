import { tool } from "sport";

tool({
  name: "hello",
  description: "Greets someone by name.",
  input: { name: { type: "string" } },
  call: ({ name }) => `hello, ${name}`,
  readOnly: true,
  deterministic: true,
});
