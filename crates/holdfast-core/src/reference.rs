//! References: `${Kind/name.output}`, `${stack:Kind/name.output}`, `${var.name}`; `$${` is a literal `${`, and `${$}` a
//! literal `$`, which is needed right before a reference only.

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
    /// Literal text, `$${` and `${$}` undone.
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

/// A `$` that makes no escape of the reference behind it.
const DOLLAR: &str = "${$}";

/// A string that is written anew while some of its references stay open. Text is kept apart until the next reference, so
/// that what was filled in is never read as syntax, whatever it ends or begins with.
#[derive(Default)]
struct Rewritten {
    out: String,
    text: String,
}

impl Rewritten {
    /// A reference that stays as it was written.
    fn open(&mut self, source: &str) {
        let text = std::mem::take(&mut self.text);
        let bare = text.trim_end_matches('$');
        self.out.push_str(&escaped(bare));
        self.out.push_str(&DOLLAR.repeat(text.len() - bare.len()));
        self.out.push_str(source);
    }

    /// The string, to be read again by [`pieces`].
    fn done(self) -> String {
        self.out + &escaped(&self.text)
    }
}

/// A text as it is written where no reference follows.
fn escaped(text: &str) -> String {
    text.replace("${", "$${")
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
        if source == DOLLAR {
            plain.push('$');
            rest = &rest[at + end + 1..];
            continue;
        }
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
                    Some(Value::String(s)) => *text = escaped(&s),
                    Some(other) => *value = other,
                    None => {}
                }
                return;
            }
            let mut new = Rewritten::default();
            for piece in &pieces {
                match piece {
                    Piece::Text(t) => new.text.push_str(t),
                    Piece::Reference(Reference::Variable(name), source) => match worth(name) {
                        Some(Value::String(s)) => new.text.push_str(&s),
                        Some(other) => new.text.push_str(&other.to_string()),
                        None => new.open(source),
                    },
                    Piece::Reference(_, source) => new.open(source),
                }
            }
            *text = new.done();
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
    let (mut known, mut new, mut open) = (String::new(), Rewritten::default(), false);
    for piece in pieces {
        let text = match piece {
            Piece::Text(text) => text,
            Piece::Reference(reference, source) => match worth(&reference) {
                Worth::Value(Value::String(text)) => text,
                Worth::Value(other) => other.to_string(),
                Worth::Open => {
                    open = true;
                    new.open(&source);
                    continue;
                }
            },
        };
        known.push_str(&text);
        new.text.push_str(&text);
    }
    Some(Value::String(if open { new.done() } else { known }))
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

    #[test]
    fn what_is_filled_in_is_never_read_as_syntax() {
        let open = Reference::parse("Vpc/v.id").expect("it is one");
        let source = "${Vpc/v.id}";
        let mut texts = vec![String::new()];
        for length in 0..5 {
            let longest: Vec<String> = texts.iter().filter(|t| t.len() == length).cloned().collect();
            texts.extend(longest.iter().flat_map(|t| ["$", "{", "}", "a"].map(|letter| format!("{t}{letter}"))));
        }
        for text in &texts {
            for cut in 0..=text.len() {
                let (left, right) = text.split_at(cut);
                let worth = |name: &str| json!(if name == "left" { left } else { right });
                let mut by_variables = json!(format!("${{var.left}}${{var.right}}{source}${{var.left}}"));
                let mut by_fill = by_variables.clone();
                fill_variables(&mut by_variables, &mut |name| Some(worth(name)));
                fill(&mut by_fill, &mut |r| match r {
                    Reference::Variable(name) => Worth::Value(worth(name)),
                    Reference::Output { .. } => Worth::Open,
                });
                assert_eq!(by_variables, by_fill);
                let read = pieces(by_fill.as_str().expect("a text")).expect("it can be read");
                let some = |t: &str| (!t.is_empty()).then(|| Piece::Text(t.to_owned()));
                let reference = Some(Piece::Reference(open.clone(), source.to_owned()));
                let meant: Vec<Piece> = [some(text), reference, some(left)].into_iter().flatten().collect();
                assert_eq!(read, meant, "{left:?} and {right:?} are filled in as {by_fill}");
                fill(&mut by_fill, &mut |_| Worth::Value(json!("vpc-1")));
                assert_eq!(by_fill, json!(format!("{text}vpc-1{left}")));
            }
        }
    }

    #[test]
    fn a_dollar_stands_right_before_a_reference_where_it_is_written_as_one() {
        let mut v =
            json!({ "a": "${$}${var.n}", "b": "${$}", "c": "$${$}", "d": "${$}${Vpc/v.id}", "e": "$${Vpc/v.id}" });
        for _ in 0..2 {
            fill_variables(&mut v, &mut |_| Some(json!(5)));
        }
        assert!(!is_open("${$}") && is_open(v["d"].as_str().expect("a text")));
        fill(&mut v, &mut |_| Worth::Value(json!("vpc-1")));
        assert_eq!(v, json!({ "a": "$5", "b": "$", "c": "${$}", "d": "$vpc-1", "e": "${Vpc/v.id}" }));
    }
}
