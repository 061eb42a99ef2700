//! Values between JSON and WIT types, by the table in [`super::schema`].
//!
//! What goes in was checked against the schema, so a value that does not fit is rare and gets a plain message. What comes out
//! is a guest's: sizes were bounded by the engine while it was taken over, floats and texts are checked here.

use serde_json::{Map, Value, json};
use wasmtime::component::{Type, Val};

use super::Store;
use super::schema::{is_bytes, takes_null};
use crate::contract::lift;
use crate::host::Reach;
use crate::host::artifacts::store_failure;
use crate::schema::{artifact_of, artifact_value};
use crate::types::{Content, Failure, FailureKind, Outcome};
use crate::{limits, text};

/// What readers of JSON that know only floats keep exactly.
const EXACT: u64 = 1 << 53;

/// The arguments of a function.
pub(super) fn lower_all(
    parameters: &[(String, Type)],
    arguments: &Value,
    store: &Store,
) -> Result<Vec<Val>, Failure> {
    let argument = |(name, ty): &(String, Type)| {
        let value = arguments.get(name).unwrap_or(&Value::Null);
        lower(ty, value, store).map_err(|failure| match failure {
            Unfit::Value(what) => {
                let message = format!("{name}: {what}");
                Failure::new(FailureKind::InvalidInput, "bad-arguments", message)
            }
            Unfit::File(failure) => failure,
        })
    };
    parameters.iter().map(argument).collect()
}

/// Why a value could not be lowered.
enum Unfit {
    Value(String),
    File(Failure),
}

fn lower(ty: &Type, value: &Value, store: &Store) -> Result<Val, Unfit> {
    let unfit =
        |what: &str| Unfit::Value(format!("{} is no {what}", text::clean_line(&value.to_string(), 80)));
    let integer = |what| whole(value).ok_or_else(|| unfit(what));
    macro_rules! number {
        ($case:ident, $what:literal) => {
            Val::$case(integer($what)?.try_into().map_err(|_| unfit($what))?)
        };
    }
    Ok(match ty {
        Type::Bool => Val::Bool(value.as_bool().ok_or_else(|| unfit("boolean"))?),
        Type::S8 => number!(S8, "s8"),
        Type::U8 => number!(U8, "u8"),
        Type::S16 => number!(S16, "s16"),
        Type::U16 => number!(U16, "u16"),
        Type::S32 => number!(S32, "s32"),
        Type::U32 => number!(U32, "u32"),
        Type::S64 => number!(S64, "s64"),
        Type::U64 => number!(U64, "u64"),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the nearest that there is, or infinite, which is refused"
        )]
        Type::Float32 => {
            let float = value.as_f64().map(|float| float as f32).filter(|float| float.is_finite());
            Val::Float32(float.ok_or_else(|| unfit("f32"))?)
        }
        Type::Float64 => Val::Float64(value.as_f64().ok_or_else(|| unfit("f64"))?),
        Type::Char => {
            let mut characters = value.as_str().unwrap_or_default().chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) => Val::Char(character),
                _ => return Err(unfit("single character")),
            }
        }
        Type::String => Val::String(value.as_str().ok_or_else(|| unfit("text"))?.to_owned()),
        Type::List(_) if is_bytes(ty) => bytes(value, store).map_err(Unfit::File)?,
        Type::List(list) => {
            let (items, ty) = (value.as_array().ok_or_else(|| unfit("list"))?, list.ty());
            Val::List(items.iter().map(|item| lower(&ty, item, store)).collect::<Result<_, _>>()?)
        }
        Type::Record(record) => {
            let fields = value.as_object().ok_or_else(|| unfit("record"))?;
            let field = |field: wasmtime::component::types::Field<'_>| {
                let value = fields.get(field.name).unwrap_or(&Value::Null);
                Ok((field.name.to_owned(), lower(&field.ty, value, store)?))
            };
            Val::Record(record.fields().map(field).collect::<Result<_, Unfit>>()?)
        }
        Type::Tuple(tuple) => {
            let items = value.as_array().filter(|items| items.len() == tuple.types().len());
            let items = items.ok_or_else(|| unfit("tuple"))?;
            let places = tuple.types().zip(items).map(|(ty, item)| lower(&ty, item, store));
            Val::Tuple(places.collect::<Result<_, _>>()?)
        }
        Type::Enum(names) => Val::Enum(word(value, names.names()).ok_or_else(|| unfit("case"))?),
        Type::Flags(names) => {
            let items = value.as_array().ok_or_else(|| unfit("list of flags"))?;
            let flag = |item| word(item, names.names()).ok_or_else(|| unfit("list of flags"));
            Val::Flags(items.iter().map(flag).collect::<Result<_, _>>()?)
        }
        Type::Option(_) if value.is_null() => Val::Option(None),
        Type::Option(option) => {
            let ty = option.ty();
            let some = if takes_null(&ty) { value.get("some").unwrap_or(&Value::Null) } else { value };
            Val::Option(Some(Box::new(lower(&ty, some, store)?)))
        }
        Type::Variant(variant) => {
            let (name, payload) = case(value).ok_or_else(|| unfit("variant"))?;
            let found = variant.cases().find(|case| case.name == name).ok_or_else(|| unfit("variant"))?;
            Val::Variant(name.to_owned(), self::payload(found.ty, payload, store, &unfit)?)
        }
        Type::Result(result) => match case(value) {
            Some(("ok", payload)) => Val::Result(Ok(self::payload(result.ok(), payload, store, &unfit)?)),
            Some(("err", payload)) => Val::Result(Err(self::payload(result.err(), payload, store, &unfit)?)),
            _ => return Err(unfit("result")),
        },
        // Whose functions are no tools.
        _ => return Err(unfit("value that can be passed")),
    })
}

fn payload(
    ty: Option<Type>,
    payload: Option<&Value>,
    store: &Store,
    unfit: &dyn Fn(&str) -> Unfit,
) -> Result<Option<Box<Val>>, Unfit> {
    match (ty, payload) {
        (None, None) => Ok(None),
        (Some(ty), Some(payload)) => Ok(Some(Box::new(lower(&ty, payload, store)?))),
        _ => Err(unfit("case with such a payload")),
    }
}

/// A whole number, or the text of one.
fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(_) => {
            let float = || value.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT as f64);
            let integer = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
            // 2.0 is an integer to a schema.
            #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
            integer.or_else(|| float().map(|float| float as i128))
        }
        _ => None,
    }
}

fn word<'a>(value: &Value, mut names: impl Iterator<Item = &'a str>) -> Option<String> {
    let word = value.as_str()?;
    names.any(|name| name == word).then(|| word.to_owned())
}

/// A variant's case: its name alone, or an object with it as its only key.
fn case(value: &Value) -> Option<(&str, Option<&Value>)> {
    if let Some(name) = value.as_str() {
        return Some((name, None));
    }
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    fields.iter().next().map(|(name, payload)| (name.as_str(), Some(payload)))
}

/// A file's bytes.
fn bytes(value: &Value, store: &Store) -> Result<Val, Failure> {
    let artifact = artifact_of(value).ok_or_else(|| {
        let message = "a file name stands where a reference belongs";
        Failure::new(FailureKind::InvalidInput, "bad-arguments", message)
    })?;
    let bytes = store.get(&artifact.digest).map_err(|error| store_failure(&error))?;
    if bytes.len() > limits::FOREIGN_BYTES {
        let message = format!(
            "the file has {} bytes; a component that was not built with the SDK can be given {}",
            bytes.len(),
            limits::FOREIGN_BYTES
        );
        return Err(Failure::new(FailureKind::Exhausted, "file-too-large", message));
    }
    Ok(Val::List(bytes.iter().copied().map(Val::U8).collect()))
}

/// What came back. An error of the function is a failure of the call.
pub(super) fn outcome(
    ty: Option<&Type>,
    value: Option<Val>,
    reach: &mut Reach,
    store: &Store,
) -> Result<Outcome, Failure> {
    let mut raising = Raising { reach, store, files: Vec::new(), room: limits::JSON_BYTES };
    let structured = match (ty, value) {
        (Some(Type::Result(ty)), Some(Val::Result(result))) => match result {
            Ok(value) => raising.payload(ty.ok(), value)?,
            Err(error) => return Err(failure_of(raising.payload(ty.err(), error)?)),
        },
        (Some(ty), Some(value)) => Some(raising.raise(ty, value)?),
        _ => None,
    };
    Ok(Outcome { content: raising.files, structured })
}

/// A text is the message; else the message is the error as JSON, and the details have it whole.
fn failure_of(error: Option<Value>) -> Failure {
    let message = match &error {
        None => "the function failed and did not say why".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let message = text::clean(&message, limits::MESSAGE_BYTES);
    let details = error.filter(|error| !error.is_string());
    Failure { details, ..Failure::new(FailureKind::Internal, "function-failed", message) }
}

struct Raising<'a> {
    reach: &'a mut Reach,
    store: &'a Store,
    /// The files that came, in order.
    files: Vec<Content>,
    /// Bytes of JSON that may still be made, about.
    room: usize,
}

impl Raising<'_> {
    fn raise(&mut self, ty: &Type, value: Val) -> Result<Value, Failure> {
        self.spend(2)?;
        Ok(match (ty, value) {
            (_, Val::Bool(value)) => value.into(),
            (_, Val::S8(value)) => value.into(),
            (_, Val::U8(value)) => value.into(),
            (_, Val::S16(value)) => value.into(),
            (_, Val::U16(value)) => value.into(),
            (_, Val::S32(value)) => value.into(),
            (_, Val::U32(value)) => value.into(),
            (_, Val::S64(value)) if value.unsigned_abs() <= EXACT => value.into(),
            (_, Val::S64(value)) => value.to_string().into(),
            (_, Val::U64(value)) if value <= EXACT => value.into(),
            (_, Val::U64(value)) => value.to_string().into(),
            (_, Val::Float32(value)) => float(value.into())?,
            (_, Val::Float64(value)) => float(value)?,
            (_, Val::Char(value)) => value.to_string().into(),
            (_, Val::String(value)) => {
                self.spend(value.len())?;
                value.into()
            }
            (ty, Val::List(items)) if is_bytes(ty) => self.file(&items)?,
            (Type::List(list), Val::List(items)) => {
                let ty = list.ty();
                items.into_iter().map(|item| self.raise(&ty, item)).collect::<Result<_, _>>()?
            }
            (Type::Tuple(tuple), Val::Tuple(items)) => {
                let places = tuple.types().zip(items).map(|(ty, item)| self.raise(&ty, item));
                places.collect::<Result<_, _>>()?
            }
            (Type::Record(record), Val::Record(fields)) => {
                let mut object = Map::new();
                for (field, (name, value)) in record.fields().zip(fields) {
                    self.spend(name.len())?;
                    // Nothing is said of what is not there.
                    if !matches!(value, Val::Option(None)) {
                        object.insert(name, self.raise(&field.ty, value)?);
                    }
                }
                object.into()
            }
            (_, Val::Enum(name)) => name.into(),
            (_, Val::Flags(names)) => names.into(),
            (_, Val::Option(None)) => Value::Null,
            (Type::Option(option), Val::Option(Some(value))) => {
                let ty = option.ty();
                let some = self.raise(&ty, *value)?;
                if takes_null(&ty) { json!({ "some": some }) } else { some }
            }
            (Type::Variant(variant), Val::Variant(name, payload)) => {
                let ty = variant.cases().find(|case| case.name == name).and_then(|case| case.ty);
                self.case(name, ty, payload)?
            }
            (Type::Result(result), Val::Result(Ok(value))) => {
                self.case("ok".to_owned(), result.ok(), value)?
            }
            (Type::Result(result), Val::Result(Err(value))) => {
                self.case("err".to_owned(), result.err(), value)?
            }
            _ => return Err(lift::broken("result", "it is of a type that cannot be passed")),
        })
    }

    fn payload(&mut self, ty: Option<Type>, value: Option<Box<Val>>) -> Result<Option<Value>, Failure> {
        ty.zip(value).map(|(ty, value)| self.raise(&ty, *value)).transpose()
    }

    fn case(&mut self, name: String, ty: Option<Type>, value: Option<Box<Val>>) -> Result<Value, Failure> {
        self.spend(name.len())?;
        Ok(match self.payload(ty, value)? {
            Some(payload) => json!({ name: payload }),
            None => name.into(),
        })
    }

    /// Bytes become a file of the store.
    fn file(&mut self, items: &[Val]) -> Result<Value, Failure> {
        let bytes: Vec<u8> =
            items.iter().map(|item| if let Val::U8(byte) = item { *byte } else { 0 }).collect();
        let artifact = self
            .store
            .put(&bytes, "application/octet-stream", None)
            .map_err(|error| store_failure(&error))?;
        self.reach.add(&artifact)?;
        if self.files.len() >= limits::CONTENT_PIECES {
            return Err(lift::broken("result", format!("it has more than {} files", limits::CONTENT_PIECES)));
        }
        let value = artifact_value(&artifact);
        self.files.push(Content::Artifact(artifact));
        Ok(value)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Failure> {
        self.room = self.room.checked_sub(bytes).ok_or_else(|| {
            lift::broken("result", format!("it is larger than {} bytes of JSON", limits::JSON_BYTES))
        })?;
        Ok(())
    }
}

fn float(value: f64) -> Result<Value, Failure> {
    serde_json::Number::from_f64(value)
        .map(Value::Number)
        .ok_or_else(|| lift::broken("result", format!("{value} has no form in JSON")))
}
