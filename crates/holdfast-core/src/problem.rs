//! What is wrong with a document, in the words the API answers with.

use serde::{Deserialize, Serialize};

/// One mistake in a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SpecError {
    /// JSON Pointer (RFC 6901) to the mistake. Kinds give it relative to the resource's `spec`; it reaches
    /// the user relative to the whole body.
    pub pointer: String,
    /// Stable machine-readable code in kebab-case, such as `unknown-field`.
    pub code: String,
    /// What is wrong and what to do, in one sentence or two.
    pub message: String,
}

impl SpecError {
    /// Puts an error together.
    pub fn new(pointer: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.to_owned(), message: message.into() }
    }

    /// The same error, seen from further out: `prefix` goes before the pointer.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.pointer.insert_str(0, prefix);
        self
    }
}

/// ` Did you mean "x"?` when a candidate is near enough to `given`, else an empty string.
pub fn did_you_mean<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    candidates
        .into_iter()
        .map(|c| (likeness(&given.to_lowercase(), &c.to_lowercase()), c))
        .filter(|(score, _)| *score >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| format!(" Did you mean \"{c}\"?"))
        .unwrap_or_default()
}

/// How alike two words are, up to 1. In short words two letters the wrong way round leave little that
/// Jaro-Winkler would see.
fn likeness(a: &str, b: &str) -> f64 {
    let slip = a.len().max(b.len()) >= 3 && strsim::osa_distance(a, b) == 1;
    strsim::jaro_winkler(a, b).max(if slip { 0.85 } else { 0.0 })
}

/// The sentence with a capital letter first.
pub(crate) fn capital(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The first `most` characters of `text`, with `…` where something was cut off.
pub fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// In characters; several lines for a person, nothing for a log.
const LONGEST_MESSAGE: usize = 600;

/// Sorts mistakes by their place, list items by number, drops repetitions, and cuts off messages that repeat a
/// value of any length.
pub(crate) fn tidy(mut errors: Vec<SpecError>) -> Vec<SpecError> {
    errors.iter_mut().for_each(|e| e.message = clip(&e.message, LONGEST_MESSAGE));
    let place = |e: &SpecError| -> Vec<(usize, String)> {
        // A number sorts by its length first, so that item 10 comes after item 9.
        let length = |s: &str| if s.bytes().all(|b| b.is_ascii_digit()) { s.len() } else { 0 };
        e.pointer.split('/').map(|s| (length(s), s.to_owned())).collect()
    };
    errors.sort_by_cached_key(|e| (place(e), e.code.clone(), e.message.clone()));
    errors.dedup();
    errors
}
