//! JSON Schema of WIT types, as a model likes it best.
//!
//! | WIT | JSON |
//! |---|---|
//! | `u8` to `s32` | an integer with its range |
//! | `s64`, `u64` | an integer, or the same as a decimal text, since not every reader keeps more than 53 bits |
//! | `f32`, `f64` | a number; infinities and NaN are refused |
//! | `char` | a text of one character |
//! | `enum` | one of its names |
//! | `option` as a field or a parameter | may be left out, may be null |
//! | `option` elsewhere | null or the value; in another option `{"some": value}` |
//! | `tuple` | an array with a schema for each place |
//! | `flags` | an array of its names, each at most once |
//! | `variant` | `{"case": payload}`; a case without payload is its name |
//! | `result` inside | `{"ok": value}` or `{"err": value}`, or the word where there is no value |
//! | `result` of the function | the value; an error is a failure of the call |
//! | `record` | an object with just these fields |
//! | `list<u8>` | a file |
//! | resources, futures, streams | the function is no tool |

use serde_json::{Map, Value, json};
use wasmtime::component::Type;

use crate::limits;
use crate::schema::ARTIFACT_FORMAT;

/// The schema of a function's arguments: an object with a property for each parameter.
pub(super) fn of_parameters(parameters: &[(String, Type)]) -> Result<Value, String> {
    let mut made = Making::default();
    let fields = parameters.iter().map(|(name, ty)| (name.as_str(), ty.clone()));
    made.object(fields, 1)
}

/// The schema of a function's result; none where it gives nothing.
pub(super) fn of_result(ty: &Type) -> Result<Option<Value>, String> {
    let ok = match ty {
        Type::Result(result) => result.ok(),
        other => Some(other.clone()),
    };
    ok.map(|ty| Making::default().of(&ty, 1)).transpose()
}

/// Whether a value of this type is a file.
pub(super) fn is_bytes(ty: &Type) -> bool {
    matches!(ty, Type::List(list) if matches!(list.ty(), Type::U8))
}

/// Whether null is a value of this type already.
pub(super) fn takes_null(ty: &Type) -> bool {
    matches!(ty, Type::Option(_))
}

/// A type is a graph, where one part may stand in many places; the schema is a tree, so its size is counted while it grows.
#[derive(Default)]
struct Making {
    values: usize,
}

impl Making {
    fn of(&mut self, ty: &Type, depth: usize) -> Result<Value, String> {
        self.values += 1;
        if depth > limits::SCHEMA_DEPTH || self.values > limits::SCHEMA_VALUES {
            return Err("its types are nested too deeply or too large".to_owned());
        }
        let integer = |least: i64, most: i64| json!({ "type": "integer", "minimum": least, "maximum": most });
        let inner = depth + 1;
        Ok(match ty {
            Type::Bool => json!({ "type": "boolean" }),
            Type::S8 => integer(i8::MIN.into(), i8::MAX.into()),
            Type::U8 => integer(0, u8::MAX.into()),
            Type::S16 => integer(i16::MIN.into(), i16::MAX.into()),
            Type::U16 => integer(0, u16::MAX.into()),
            Type::S32 => integer(i32::MIN.into(), i32::MAX.into()),
            Type::U32 => integer(0, u32::MAX.into()),
            Type::S64 => json!({
                "type": ["integer", "string"], "minimum": i64::MIN, "maximum": i64::MAX, "pattern": "^-?[0-9]{1,19}$",
            }),
            Type::U64 => json!({
                "type": ["integer", "string"], "minimum": 0, "maximum": u64::MAX, "pattern": "^[0-9]{1,20}$",
            }),
            Type::Float32 | Type::Float64 => json!({ "type": "number" }),
            Type::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
            Type::String => json!({ "type": "string" }),
            Type::List(_) if is_bytes(ty) => json!({ "type": "string", "format": ARTIFACT_FORMAT }),
            Type::List(list) => json!({ "type": "array", "items": self.of(&list.ty(), inner)? }),
            Type::Record(record) => {
                self.object(record.fields().map(|field| (field.name, field.ty)), depth)?
            }
            Type::Tuple(tuple) => {
                let places = tuple.types().map(|ty| self.of(&ty, inner)).collect::<Result<Vec<_>, _>>()?;
                json!({ "type": "array", "prefixItems": places, "items": false, "minItems": places.len() })
            }
            Type::Enum(names) => json!({ "type": "string", "enum": names.names().collect::<Vec<_>>() }),
            Type::Flags(names) => {
                let names: Vec<_> = names.names().collect();
                json!({ "type": "array", "items": { "type": "string", "enum": names }, "uniqueItems": true })
            }
            Type::Option(option) => {
                let ty = option.ty();
                let some = self.of(&ty, inner)?;
                if takes_null(&ty) { nullable(one_key("some", some)) } else { nullable(some) }
            }
            Type::Variant(variant) => {
                self.cases(variant.cases().map(|case| (case.name.to_owned(), case.ty)), inner)?
            }
            Type::Result(result) => {
                let cases = [("ok".to_owned(), result.ok()), ("err".to_owned(), result.err())];
                self.cases(cases.into_iter(), inner)?
            }
            Type::Own(_) | Type::Borrow(_) => return Err("it passes a resource".to_owned()),
            Type::Future(_) | Type::Stream(_) | Type::ErrorContext => {
                return Err("it passes a future or a stream".to_owned());
            }
            Type::Map(_) | Type::FixedLengthList(_) => {
                return Err("it passes a map or a list of fixed length".to_owned());
            }
        })
    }

    fn object<'a>(
        &mut self,
        fields: impl Iterator<Item = (&'a str, Type)>,
        depth: usize,
    ) -> Result<Value, String> {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, ty) in fields {
            let schema = self.of(&ty, depth + 1)?;
            if !takes_null(&ty) {
                required.push(name.to_owned());
            }
            properties.insert(name.to_owned(), schema);
        }
        Ok(json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        }))
    }

    fn cases(
        &mut self,
        cases: impl Iterator<Item = (String, Option<Type>)>,
        depth: usize,
    ) -> Result<Value, String> {
        let mut words = Vec::new();
        let mut objects = Vec::new();
        for (name, ty) in cases {
            match ty {
                Some(ty) => objects.push(one_key(&name, self.of(&ty, depth + 1)?)),
                None => words.push(name),
            }
        }
        if objects.is_empty() {
            return Ok(json!({ "type": "string", "enum": words }));
        }
        if !words.is_empty() {
            objects.insert(0, json!({ "type": "string", "enum": words }));
        }
        Ok(json!({ "oneOf": objects }))
    }
}

fn one_key(name: &str, schema: Value) -> Value {
    json!({ "type": "object", "properties": { name: schema }, "required": [name], "additionalProperties": false })
}

/// The same with null. Where one type is said, another is said beside it, which is easier to read than two branches.
fn nullable(mut schema: Value) -> Value {
    // An enumeration would have to name it too.
    if schema.get("enum").is_none()
        && let Some(Value::String(ty)) = schema.get("type")
    {
        schema["type"] = json!([ty, "null"]);
        return schema;
    }
    json!({ "anyOf": [schema, { "type": "null" }] })
}
