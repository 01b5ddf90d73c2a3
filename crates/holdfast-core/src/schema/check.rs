//! Holding a value against a schema, with every mistake in our own words.

use super::shape::{self, Shape, type_name};
use super::strict::strict;
use crate::pointer;
use crate::problem::{SpecError, capital, clip, did_you_mean};
use crate::reference;
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Fault;
use serde_json::Value;
use std::collections::BTreeSet;

/// A compiled schema.
pub(crate) struct Checker {
    root: Value,
    validator: Result<jsonschema::Validator, String>,
}

/// What a value may hold besides what its schema says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Latitude {
    /// Nothing.
    None,
    /// As in specs: null in every field that is not required, and a reference wherever a value goes.
    Spec,
}

impl Checker {
    /// Compiles a schema; one that does not compile is reported by every check.
    pub(crate) fn new(schema: &Value) -> Self {
        let root = strict(schema);
        let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
        let validator = options.should_validate_formats(true).build(&root).map_err(|e| e.to_string());
        Self { root, validator }
    }

    /// What the schema says, to walk through.
    pub(crate) fn shape(&self) -> Shape<'_> {
        Shape::of(&self.root)
    }

    /// Brings scalars to the type that the schema wants; see [`shape::normalise`].
    pub(crate) fn normalise(&self, value: &mut Value) {
        shape::normalise(value, &self.shape());
    }

    /// Every mistake in `value`, in the order in which the schema finds them. Values at pointers that are `secret`
    /// are not repeated.
    pub(crate) fn errors(&self, value: &Value, latitude: Latitude, secret: &dyn Fn(&str) -> bool) -> Vec<SpecError> {
        let validator = match &self.validator {
            Ok(validator) => validator,
            Err(why) => {
                let message = format!("The schema of this kind does not compile, a fault of Holdfast: {why}");
                return vec![SpecError::new("", "broken-schema", message)];
            }
        };
        let translator = Translator { shape: self.shape(), value, latitude, secret };
        let mut out = Vec::new();
        for error in validator.iter_errors(value) {
            if !translator.excused(&error) {
                translator.say(&error, &mut out);
            }
        }
        let mut seen = BTreeSet::new();
        out.retain(|e| seen.insert((e.pointer.clone(), e.code.clone())));
        out
    }
}

struct Translator<'a> {
    shape: Shape<'a>,
    value: &'a Value,
    latitude: Latitude,
    secret: &'a dyn Fn(&str) -> bool,
}

impl Translator<'_> {
    /// True if the value is a reference that is still open, or a null that says "must be unset".
    fn excused(&self, error: &ValidationError<'_>) -> bool {
        if self.latitude == Latitude::None {
            return false;
        }
        let here = error.instance_path().as_str();
        match error.instance().as_ref() {
            Value::String(text) if reference::is_open(text) => return true,
            Value::Null => {
                if let Some((parent, field)) = here.rsplit_once('/')
                    && self.value.pointer(parent).is_some_and(Value::is_object)
                    && !self.shape.at(parent).requires(&pointer::unescape(field))
                {
                    return true;
                }
            }
            _ => {}
        }
        match error.kind() {
            Fault::AnyOf { context } | Fault::OneOfNotValid { context } => {
                context.iter().any(|branch| branch.iter().all(|e| self.excused(e)))
            }
            _ => false,
        }
    }

    fn say(&self, error: &ValidationError<'_>, out: &mut Vec<SpecError>) {
        let here = error.instance_path().as_str();
        match error.kind() {
            Fault::AdditionalProperties { unexpected } | Fault::UnevaluatedProperties { unexpected } => {
                out.extend(unexpected.iter().map(|field| self.unknown_field(here, field)));
            }
            Fault::Required { property } => out.push(self.missing_field(here, property)),
            Fault::AnyOf { context } | Fault::OneOfNotValid { context } => self.say_branches(here, context, out),
            Fault::Type { .. } => out.push(self.wrong_type(here, error.instance())),
            // A number that may also be written as text: the pattern is there to keep other text out.
            Fault::Pattern { .. } if self.is_number(here) => out.push(self.wrong_type(here, error.instance())),
            Fault::Constant { expected_value } => {
                out.push(self.not_allowed(here, error.instance(), &[expected_value.as_ref()]));
            }
            Fault::Enum { options } => {
                let options: Vec<&Value> = options.as_array().into_iter().flatten().collect();
                out.push(self.not_allowed(here, error.instance(), &options));
            }
            Fault::UniqueItems => out.push(duplicate_item(here, error.instance())),
            Fault::PropertyNames { error: inner } => {
                let key = inner.instance().as_str().unwrap_or_default().to_owned();
                let (code, sentence) = self.limit(inner);
                let message = format!("The key \"{}\" cannot be taken: {sentence}", clip(&key, 60));
                out.push(SpecError::new(pointer::join(here, &key), code, message));
            }
            _ => {
                let (code, sentence) = self.limit(error);
                let hint = self.shape.at(here).description().map(|d| format!(" {d}")).unwrap_or_default();
                out.push(SpecError::new(here, code, format!("{}{hint}", capital(&sentence))));
            }
        }
    }

    fn unknown_field(&self, here: &str, field: &str) -> SpecError {
        let known = self.shape.at(here).fields();
        if known.contains(field) {
            let message = format!("The field \"{field}\" does not go with the others here. Remove it.");
            return SpecError::new(pointer::join(here, field), "unknown-field", message);
        }
        let near = did_you_mean(field, known.iter().copied());
        let hint = if !near.is_empty() {
            near
        } else if known.is_empty() {
            " Remove it.".to_owned()
        } else if known.len() <= 16 {
            format!(" Known here: {}.", known.into_iter().collect::<Vec<_>>().join(", "))
        } else {
            " Remove it, or see the kind's schema for the fields there are.".to_owned()
        };
        let message = format!("There is no field \"{}\" here.{hint}", clip(field, 60));
        SpecError::new(pointer::join(here, field), "unknown-field", message)
    }

    fn missing_field(&self, here: &str, property: &Value) -> SpecError {
        let field = property.as_str().unwrap_or_default();
        let at = pointer::join(here, field);
        let what = self.shape.at(&at).description().map(|d| format!(" {d}")).unwrap_or_default();
        SpecError::new(at, "missing-field", format!("The field \"{field}\" is required.{what}"))
    }

    fn is_number(&self, here: &str) -> bool {
        let types = self.shape.at(here).types();
        types.contains("number") || types.contains("integer")
    }

    fn wrong_type(&self, here: &str, value: &Value) -> SpecError {
        let mut wanted = self.shape.at(here).types();
        wanted.remove("null");
        if self.is_number(here) {
            wanted.remove("string");
        }
        if wanted.contains("number") {
            wanted.remove("integer");
        }
        let wanted: Vec<&str> = wanted.into_iter().map(with_article).collect();
        let hint = match value {
            Value::Null => " Leave the field out if it is not to be managed.",
            Value::String(text) if matches!(text.as_str(), "true" | "false") => " Write it without quotes.",
            Value::String(text) if text.parse::<f64>().is_ok() => " Write it without quotes.",
            _ => "",
        };
        let given = match value {
            Value::Number(n) if n.is_f64() => "a fraction",
            other => with_article(type_name(other)),
        };
        let message = if wanted.is_empty() {
            format!("This cannot be {given}.{hint}")
        } else {
            format!("This must be {}, not {given}.{hint}", wanted.join(" or "))
        };
        SpecError::new(here, "wrong-type", message)
    }

    fn not_allowed(&self, here: &str, value: &Value, options: &[&Value]) -> SpecError {
        // A number among words is a mistake of type and not of choice.
        if !options.iter().any(|o| type_name(o) == type_name(value)) {
            return self.wrong_type(here, value);
        }
        let words: Vec<&str> = options.iter().filter_map(|o| o.as_str()).collect();
        let near = value.as_str().map(|v| did_you_mean(v, words.iter().copied())).unwrap_or_default();
        let list: Vec<String> = options.iter().filter(|o| !o.is_null()).map(ToString::to_string).collect();
        let choice = if let [one] = list.as_slice() { one.clone() } else { format!("one of {}", list.join(", ")) };
        let message = format!("{} is not allowed here; it must be {choice}.{near}", self.shown(here, value));
        SpecError::new(here, "not-allowed", message)
    }

    /// Code and sentence for a value that breaks a limit.
    fn limit(&self, error: &ValidationError<'_>) -> (&'static str, String) {
        let value = error.instance();
        let shown = self.shown(error.instance_path().as_str(), value);
        let length = value.as_str().map_or(0, |s| s.chars().count());
        let count = value.as_array().map_or_else(|| value.as_object().map_or(0, serde_json::Map::len), Vec::len);
        match error.kind() {
            Fault::Minimum { limit } => ("out-of-range", format!("it must be at least {limit}, and is {shown}.")),
            Fault::Maximum { limit } => ("out-of-range", format!("it must be at most {limit}, and is {shown}.")),
            Fault::ExclusiveMinimum { limit } => {
                ("out-of-range", format!("it must be more than {limit}, and is {shown}."))
            }
            Fault::ExclusiveMaximum { limit } => {
                ("out-of-range", format!("it must be less than {limit}, and is {shown}."))
            }
            Fault::MultipleOf { multiple_of } => {
                ("out-of-range", format!("it must be a multiple of {multiple_of}, and is {shown}."))
            }
            Fault::MaxLength { limit } => {
                ("too-long", format!("it may have at most {limit} characters, and has {length}."))
            }
            Fault::MinLength { limit } => {
                ("too-short", format!("it must have at least {limit} characters, and has {length}."))
            }
            Fault::MaxItems { limit } => {
                ("too-many", format!("at most {limit} items are allowed, and there are {count}."))
            }
            Fault::MinItems { limit } => {
                ("too-few", format!("at least {limit} items are needed, and there are {count}."))
            }
            Fault::AdditionalItems { limit } => {
                ("too-many", format!("at most {limit} items are allowed, and there are {count}."))
            }
            Fault::MaxProperties { limit } => {
                ("too-many", format!("at most {limit} keys are allowed, and there are {count}."))
            }
            Fault::MinProperties { limit } => {
                ("too-few", format!("at least {limit} keys are needed, and there are {count}."))
            }
            Fault::Pattern { pattern } => ("bad-pattern", format!("{shown} does not match the pattern {pattern}.")),
            Fault::Format { format } => ("bad-format", format!("{shown} is no {}.", format_words(format))),
            Fault::FalseSchema | Fault::Not { .. } => ("not-allowed", format!("{shown} is not allowed here.")),
            Fault::OneOfMultipleValid { .. } => {
                ("ambiguous", "more than one of the forms allowed here fits; keep the fields of one.".to_owned())
            }
            _ => ("invalid-value", format!("{}.", error.masked())),
        }
    }

    fn shown(&self, here: &str, value: &Value) -> String {
        if (self.secret)(here) { "the value".to_owned() } else { clip(&value.to_string(), 60) }
    }

    /// The mistakes of the branch that the author most likely meant.
    fn say_branches(&self, here: &str, context: &[Vec<ValidationError<'static>>], out: &mut Vec<SpecError>) {
        let branches: Vec<Vec<&ValidationError<'static>>> =
            context.iter().map(|b| b.iter().filter(|e| !self.excused(e)).collect()).collect();
        let at_choice = self.choice(&branches);
        if let Some((at, value, options)) = at_choice {
            out.push(self.not_allowed(at, value, &options));
            return;
        }
        let rank = |branch: &&Vec<&ValidationError<'static>>| {
            let wrong_type =
                branch.iter().any(|e| e.instance_path().as_str() == here && matches!(e.kind(), Fault::Type { .. }));
            let other_choice = branch.iter().any(|e| fixed(e).is_some());
            (wrong_type, other_choice, branch.len())
        };
        if let Some(best) = branches.iter().min_by_key(rank) {
            best.iter().for_each(|error| self.say(error, out));
        }
    }

    /// Where every branch asks for another word at the same place: that place, its value, and the words.
    fn choice<'e>(
        &self,
        branches: &[Vec<&'e ValidationError<'static>>],
    ) -> Option<(&'e str, &'e Value, Vec<&'e Value>)> {
        let first = branches.first()?.iter().find(|e| fixed(e).is_some())?;
        let at = first.instance_path().as_str();
        let mut options = Vec::new();
        for branch in branches {
            let error = branch.iter().find(|e| e.instance_path().as_str() == at && fixed(e).is_some())?;
            options.extend(fixed(error).into_iter().flatten());
        }
        Some((at, first.instance().as_ref(), options))
    }
}

/// The words that a constant or an enumeration allows.
fn fixed<'e>(error: &'e ValidationError<'_>) -> Option<Vec<&'e Value>> {
    match error.kind() {
        Fault::Constant { expected_value } => Some(vec![expected_value.as_ref()]),
        Fault::Enum { options } => options.as_array().map(|o| o.iter().collect()),
        _ => None,
    }
}

fn duplicate_item(here: &str, value: &Value) -> SpecError {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let pair = items.iter().enumerate().find_map(|(second, item)| {
        items[..second].iter().position(|earlier| earlier == item).map(|first| (first, second))
    });
    let (first, second) = pair.unwrap_or_default();
    SpecError::new(
        format!("{here}/{second}"),
        "duplicate-item",
        format!("This item is the same as item {first}. Keep one of them."),
    )
}

fn with_article(type_name: &str) -> &'static str {
    match type_name {
        "null" => "null",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a string",
        "array" => "a list",
        _ => "an object",
    }
}

fn format_words(format: &str) -> &str {
    match format {
        "date-time" => "time as in RFC 3339, such as 2026-01-31T12:00:00Z",
        "uri" => "URL",
        "ipv4" => "IPv4 address",
        "ipv6" => "IPv6 address",
        other => other,
    }
}
