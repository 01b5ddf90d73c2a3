//! References: `${Kind/name.output}`, `${stack:Kind/name.output}`, `${var.name}`; `$${` is a literal `${`.

use crate::name::ResourceKey;
use crate::problem::SpecError;
use serde_json::Value;

/// One reference, parsed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// `${var.name}`
    Variable(String),
    /// `${Kind/name.output}` or `${stack:Kind/name.output}`
    Output {
        /// The stack, where it is another one.
        stack: Option<String>,
        /// The kind.
        kind: String,
        /// The resource's name.
        name: String,
        /// The output.
        output: String,
    },
}

/// A piece of a string: text, or a reference with its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Literal text, `$${` undone.
    Text(String),
    /// A reference, and how it was written.
    Reference(Reference, String),
}

impl Reference {
    /// Reads what stands between `${` and `}`.
    fn parse(inner: &str) -> Result<Self, String> {
        let plain = |s: &str| !s.is_empty() && s.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if let Some(name) = inner.strip_prefix("var.") {
            return if plain(name) {
                Ok(Self::Variable(name.to_owned()))
            } else {
                Err(format!("\"{name}\" is no variable name"))
            };
        }
        let (stack, rest) = match inner.split_once(':') {
            Some((s, rest)) => (Some(s), rest),
            None => (None, inner),
        };
        let parts = rest.split_once('/').and_then(|(kind, rest)| {
            // Names may hold dots; an output never does.
            rest.rsplit_once('.').map(|(name, output)| (kind, name, output))
        });
        match parts {
            Some((kind, name, output))
                if plain(kind) && plain(output) && !name.is_empty() && stack.is_none_or(plain) =>
            {
                Ok(Self::Output {
                    stack: stack.map(str::to_owned),
                    kind: kind.to_owned(),
                    name: name.to_owned(),
                    output: output.to_owned(),
                })
            }
            _ => {
                Err("write ${Kind/name.output}, ${stack:Kind/name.output} or ${var.name}; $${ is a literal ${"
                    .to_owned())
            }
        }
    }

    /// The resource it names, seen from `stack`.
    pub fn target(&self, stack: &str) -> Option<(ResourceKey, &str)> {
        match self {
            Self::Variable(_) => None,
            Self::Output { stack: other, kind, name, output } => {
                Some((ResourceKey::new(other.as_deref().unwrap_or(stack), kind, name), output))
            }
        }
    }
}

/// Splits a string into its pieces. Errors are sentences without a pointer.
pub fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut out = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            plain.push_str(&rest[..at - 1]);
            plain.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        plain.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}') else {
            return Err(format!("the reference \"{}\" has no closing brace", &rest[at..]));
        };
        let source = &rest[at..=at + end];
        let reference = Reference::parse(&source[2..source.len() - 1])
            .map_err(|e| format!("the reference \"{source}\" is malformed: {e}"))?;
        if !plain.is_empty() {
            out.push(Piece::Text(std::mem::take(&mut plain)));
        }
        out.push(Piece::Reference(reference, source.to_owned()));
        rest = &rest[at + end + 1..];
    }
    plain.push_str(rest);
    if !plain.is_empty() || out.is_empty() {
        out.push(Piece::Text(plain));
    }
    Ok(out)
}

/// True if the string still holds a reference.
pub fn is_open(text: &str) -> bool {
    text.contains("${") && pieces(text).is_ok_and(|p| p.iter().any(|p| matches!(p, Piece::Reference(..))))
}

/// The way to a place in a document. Walks are many and references are few, so it is put into words only at one.
#[derive(Clone, Copy)]
enum Trail<'a> {
    Root(&'a str),
    Index(&'a Trail<'a>, usize),
    Key(&'a Trail<'a>, &'a str),
}

impl Trail<'_> {
    fn pointer(&self) -> String {
        match self {
            Self::Root(base) => (*base).to_owned(),
            Self::Index(above, index) => format!("{}/{index}", above.pointer()),
            Self::Key(above, key) => crate::pointer::join(&above.pointer(), key),
        }
    }
}

/// Calls `visit(pointer, reference)` for every reference in `value`; malformed ones go to `errors`.
pub fn each(value: &Value, pointer: &str, visit: &mut dyn FnMut(&str, &Reference), errors: &mut Vec<SpecError>) {
    walk(value, Trail::Root(pointer), visit, errors);
}

fn walk(value: &Value, trail: Trail<'_>, visit: &mut dyn FnMut(&str, &Reference), errors: &mut Vec<SpecError>) {
    match value {
        Value::String(text) if text.contains("${") => match pieces(text) {
            Ok(pieces) => {
                for piece in pieces {
                    if let Piece::Reference(reference, _) = piece {
                        visit(&trail.pointer(), &reference);
                    }
                }
            }
            Err(message) => errors.push(SpecError::new(trail.pointer(), "malformed-reference", message)),
        },
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                walk(item, Trail::Index(&trail, i), visit, errors);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                walk(item, Trail::Key(&trail, key), visit, errors);
            }
        }
        _ => {}
    }
}

/// Fills in variables in place and leaves everything else as written, escapes included. A variable that `worth`
/// does not know stays.
pub fn fill_variables(value: &mut Value, worth: &mut dyn FnMut(&str) -> Option<Value>) {
    match value {
        Value::String(text) if text.contains("${var.") => {
            let Ok(pieces) = pieces(text) else { return };
            if let [Piece::Reference(Reference::Variable(name), _)] = pieces.as_slice() {
                match worth(name) {
                    Some(Value::String(s)) => *text = s.replace("${", "$${"),
                    Some(other) => *value = other,
                    None => {}
                }
                return;
            }
            let mut out = String::new();
            for piece in &pieces {
                match piece {
                    Piece::Text(t) => out.push_str(&t.replace("${", "$${")),
                    Piece::Reference(Reference::Variable(name), source) => match worth(name) {
                        Some(Value::String(s)) => out.push_str(&s.replace("${", "$${")),
                        Some(other) => out.push_str(&other.to_string()),
                        None => out.push_str(source),
                    },
                    Piece::Reference(_, source) => out.push_str(source),
                }
            }
            *text = out;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_variables(item, worth)),
        Value::Object(map) => map.values_mut().for_each(|item| fill_variables(item, worth)),
        _ => {}
    }
}

/// What a reference is worth while filling in.
#[derive(Clone, Debug, PartialEq)]
pub enum Worth {
    /// This value.
    Value(Value),
    /// Not yet; it stays as written.
    Open,
}

/// Fills in references in place. `worth` says what each is worth. Strings without open references also lose
/// the `$${` escape; strings with one keep it, so that a later filling-in reads them alike.
pub fn fill(value: &mut Value, worth: &mut dyn FnMut(&Reference) -> Worth) {
    match value {
        Value::String(text) if text.contains("${") => {
            if let Some(new) = fill_text(text, worth) {
                *value = new;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, worth)),
        Value::Object(map) => map.values_mut().for_each(|item| fill(item, worth)),
        _ => {}
    }
}

fn fill_text(text: &str, worth: &mut dyn FnMut(&Reference) -> Worth) -> Option<Value> {
    let pieces = pieces(text).ok()?;
    if let [Piece::Reference(reference, _)] = pieces.as_slice() {
        return match worth(reference) {
            Worth::Value(v) => Some(v),
            Worth::Open => None,
        };
    }
    let mut known = String::new();
    let mut still_open = String::new();
    let mut open = false;
    for piece in &pieces {
        match piece {
            Piece::Text(t) => {
                known.push_str(t);
                still_open.push_str(&t.replace("${", "$${"));
            }
            Piece::Reference(reference, source) => match worth(reference) {
                Worth::Value(Value::String(s)) => {
                    known.push_str(&s);
                    still_open.push_str(&s.replace("${", "$${"));
                }
                Worth::Value(v) => {
                    known.push_str(&v.to_string());
                    still_open.push_str(&v.to_string());
                }
                Worth::Open => {
                    open = true;
                    still_open.push_str(source);
                }
            },
        }
    }
    Some(Value::String(if open { still_open } else { known }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_string_that_is_one_reference_takes_the_type_of_its_value() {
        let mut v = json!({ "a": "${var.n}", "b": "x-${var.n}", "c": "$${var.n}", "d": "${Vpc/v.id}-${var.n}" });
        fill(&mut v, &mut |r| match r {
            Reference::Variable(_) => Worth::Value(json!(5)),
            Reference::Output { .. } => Worth::Open,
        });
        assert_eq!(v, json!({ "a": 5, "b": "x-5", "c": "${var.n}", "d": "${Vpc/v.id}-5" }));
    }

    #[test]
    fn malformed_references_say_how_to_write_them() {
        for text in ["${", "${}", "${Vpc}", "${Vpc/x}", "${var.}", "${a b/c.d}"] {
            assert!(pieces(text).is_err(), "{text} was taken");
        }
        assert!(pieces("costs $5").is_ok());
    }
}
