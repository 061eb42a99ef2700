/**
 * JSON Schema 2020-12, as far as this SDK checks arguments by it: the keywords below. A schema with another one is refused where it
 * is declared.
 */

import { Artifact } from "./content.js";
import { invalid } from "./failure.js";

/** Keywords whose value is a schema, a list of schemas, or an object of schemas. */
const ONE = new Set(["items", "additionalProperties", "not"]);
const MANY = new Set(["prefixItems", "anyOf", "oneOf", "allOf"]);
const NAMED = new Set(["properties", "$defs"]);
const PLAIN = new Set([
  "type", "enum", "const", "required", "format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
  "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "$ref",
]);
/** What says something to people only. */
const WORDS = new Set(["title", "description", "default", "examples", "$schema", "$comment", "deprecated", "readOnly", "writeOnly"]);

/**
 * The whole schema of what an author wrote as `input`: a JSON Schema of an object, or only its properties, where
 * `optional: true` or a `default` says that one may be left out.
 *
 * @param {string} place
 * @param {Record<string, any>} input
 */
export function inputSchema(place, input) {
  if (typeof input.type === "string") {
    if (input.type !== "object") {
      throw new TypeError(`${place} is of type ${input.type}; arguments are an object`);
    }
    const schema = { additionalProperties: false, ...input };
    known(place, schema);
    return schema;
  }
  const properties = {};
  const required = [];
  for (const [name, written] of Object.entries(input)) {
    plain(`${place}.${name}`, written);
    const { optional = false, ...schema } = written;
    properties[name] = schema;
    if (!optional && !("default" in schema)) {
      required.push(name);
    }
  }
  const schema = { type: "object", properties, required, additionalProperties: false };
  known(place, schema);
  return schema;
}

function plain(place, schema) {
  if (schema === null || typeof schema !== "object" || Array.isArray(schema)) {
    throw new TypeError(`${place} is no JSON Schema; write for example { type: "string" }`);
  }
}

/** Throws if a schema has a keyword that is not checked here. @param {string} place @param {any} schema */
export function known(place, schema) {
  if (typeof schema === "boolean") {
    return;
  }
  plain(place, schema);
  for (const [word, value] of Object.entries(schema)) {
    if (ONE.has(word)) {
      known(`${place}.${word}`, value);
    } else if (MANY.has(word)) {
      value.forEach((one, index) => known(`${place}.${word}[${index}]`, one));
    } else if (NAMED.has(word)) {
      Object.entries(value).forEach(([name, one]) => known(`${place}.${word}.${name}`, one));
    } else if (word === "$ref") {
      if (!/^#\/\$defs\/[^/~%]+$/.test(value)) {
        throw new TypeError(`${place} refers to ${value}; a reference is #/$defs/NAME`);
      }
    } else if (word === "pattern") {
      new RegExp(value, "u");
    } else if (!PLAIN.has(word) && !WORDS.has(word)) {
      throw new TypeError(`${place} has ${JSON.stringify(word)}, which the SDK does not check; leave it out and check it yourself`);
    }
  }
}

/**
 * The value as a tool gets it: references to files as `Artifact`, what was left out at its top as its default.
 *
 * @param {any} value
 * @param {any} schema
 * @param {string} place what it is called in messages
 * @param {any} [root] the schema with the definitions
 * @returns {any}
 */
export function decode(value, schema, place, root = schema) {
  if (schema === true || schema === undefined) {
    return value;
  }
  if (schema === false) {
    throw invalid(`${place} must not be there`, "invalid-argument");
  }
  const wrong = (what = expectation(schema)) => invalid(`${place} must be ${what}, not ${shown(value)}`, "invalid-argument");
  if (schema.$ref !== undefined) {
    value = decode(value, root.$defs?.[schema.$ref.slice("#/$defs/".length)] ?? false, place, root);
  }
  if (schema.format === "sport-artifact" && typeof value?.digest === "string") {
    return Artifact.fromJSON(value);
  }
  if (schema.format === "sport-artifact" && !(value === null && [schema.type].flat().includes("null"))) {
    throw wrong();
  }
  if (schema.type !== undefined && ![schema.type].flat().some((type) => isOf(value, type))) {
    throw wrong();
  }
  if (schema.enum !== undefined && !schema.enum.some((one) => same(one, value))) {
    throw wrong();
  }
  if (schema.const !== undefined && !same(schema.const, value)) {
    throw wrong();
  }
  if (typeof value === "number" && !numberFits(value, schema)) {
    throw wrong();
  }
  if (typeof value === "string" && !textFits(value, schema)) {
    throw wrong();
  }
  for (const one of schema.allOf ?? []) {
    value = decode(value, one, place, root);
  }
  if (schema.anyOf !== undefined || schema.oneOf !== undefined) {
    const fits = (schema.anyOf ?? schema.oneOf).map((one) => attempt(value, one, place, root)).filter((one) => one.fits);
    if (fits.length === 0 || (schema.oneOf !== undefined && fits.length > 1)) {
      throw wrong();
    }
    value = fits[0].value;
  }
  if (schema.not !== undefined && attempt(value, schema.not, place, root).fits) {
    throw wrong();
  }
  if (Array.isArray(value)) {
    return decodeList(value, schema, place, root, wrong);
  }
  return isOf(value, "object") && !(value instanceof Artifact) ? decodeObject(value, schema, place, root, wrong) : value;
}

function decodeList(value, schema, place, root, wrong) {
  const { minItems = 0, maxItems = Infinity, prefixItems = [] } = schema;
  if (value.length < minItems || value.length > maxItems) {
    throw wrong();
  }
  if (schema.uniqueItems && value.some((one, index) => value.slice(0, index).some((other) => same(one, other)))) {
    throw wrong("a list without repetitions");
  }
  return value.map((one, index) => decode(one, prefixItems[index] ?? schema.items, `${place}[${index}]`, root));
}

function decodeObject(value, schema, place, root, wrong) {
  const { properties = {}, required = [], additionalProperties = true } = schema;
  const has = (name) => Object.hasOwn(properties, name);
  const names = Object.keys(value);
  const missing = required.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) {
    throw invalid(`${place} needs \`${missing}\`; ${usage(schema)}`, "missing-argument");
  }
  const unknown = additionalProperties === false ? names.find((name) => !has(name)) : undefined;
  if (unknown !== undefined) {
    throw invalid(`${place} has no \`${unknown}\`; ${usage(schema)}`, "unknown-argument");
  }
  if (names.length < (schema.minProperties ?? 0) || names.length > (schema.maxProperties ?? Infinity)) {
    throw wrong();
  }
  const decoded = {};
  for (const [name, one] of Object.entries(properties)) {
    if (schema === root && one.default !== undefined && !Object.hasOwn(value, name)) {
      decoded[name] = structuredClone(one.default);
    }
  }
  for (const name of names) {
    const one = decode(value[name], has(name) ? properties[name] : additionalProperties, `\`${name}\``, root);
    // plain assignment to `__proto__` would change the object and not its field
    Object.defineProperty(decoded, name, { value: one, enumerable: true, configurable: true, writable: true });
  }
  return decoded;
}

/** What an object takes, for messages. @param {any} schema */
export function usage(schema) {
  const { properties = {}, required = [] } = schema;
  const words = Object.entries(properties).map(
    ([name, one]) => `\`${name}\` (${expectation(one)}${required.includes(name) ? "" : ", optional"})`,
  );
  return words.length === 0 ? "it takes no arguments" : `it takes ${words.join(", ")}`;
}

function attempt(value, schema, place, root) {
  try {
    return { fits: true, value: decode(value, schema, place, root) };
  } catch {
    return { fits: false };
  }
}

function isOf(value, type) {
  switch (type) {
    case "null":
      return value === null;
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return value !== null && typeof value === "object" && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}

function numberFits(value, schema) {
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = schema;
  const inside = value >= minimum && value <= maximum && value > exclusiveMinimum && value < exclusiveMaximum;
  return inside && (schema.multipleOf === undefined || Number.isInteger(value / schema.multipleOf));
}

function textFits(value, { minLength = 0, maxLength = Infinity, pattern }) {
  // a length is one in code points
  const length = [...value].length;
  return length >= minLength && length <= maxLength && (pattern === undefined || new RegExp(pattern, "u").test(value));
}

function same(one, other) {
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object") {
    return one === other;
  }
  const [names, others] = [Object.keys(one), Object.keys(other)];
  const alike = Array.isArray(one) === Array.isArray(other) && names.length === others.length;
  return alike && names.every((name) => Object.hasOwn(other, name) && same(one[name], other[name]));
}

/** What a schema asks for, in a few words. @param {any} schema @returns {string} */
export function expectation(schema) {
  if (typeof schema === "boolean") {
    return "a value";
  }
  if (schema.enum !== undefined) {
    return `one of ${schema.enum.map((value) => JSON.stringify(value)).join(", ")}`;
  }
  if (schema.const !== undefined) {
    return JSON.stringify(schema.const);
  }
  if (schema.format === "sport-artifact") {
    return "the name of a file";
  }
  const types = schema.type === undefined ? [] : [schema.type].flat();
  const branches = schema.anyOf ?? schema.oneOf;
  if (types.length === 0 && branches !== undefined) {
    return branches.map(expectation).join(" or ");
  }
  const words = {
    integer: "a whole number",
    number: "a number",
    string: "a string",
    boolean: "true or false",
    array: "a list",
    object: "an object",
    null: "null",
  };
  const kind = types.length === 0 ? "a value" : types.map((type) => words[type] ?? type).join(" or ");
  return kind + bounds(schema);
}

function bounds({ minimum, maximum, minLength, maxLength, minItems, maxItems, pattern }) {
  const between = (low, high, unit) => {
    if (low !== undefined && high !== undefined) {
      return ` from ${low} to ${high}${unit}`;
    }
    return low !== undefined ? ` of at least ${low}${unit}` : high !== undefined ? ` of at most ${high}${unit}` : "";
  };
  const length = between(minLength, maxLength, " characters") + between(minItems, maxItems, " items");
  return between(minimum, maximum, "") + length + (pattern === undefined ? "" : ` like ${pattern}`);
}

function shown(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}
