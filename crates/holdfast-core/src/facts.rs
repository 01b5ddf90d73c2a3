//! Field facts: what the compare, the schema, the docs and `explain` know of each field, in one table a kind.

use serde_json::Value;

/// What is known of one field. Only fields that need saying stand in a kind's table: an unlisted object is
/// compared key by key, an unlisted array in order, an unlisted scalar by value.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// JSON Pointer pattern into the spec; `*` stands for an array item or a map key.
    pub path: &'static str,
    /// How two values are compared.
    pub shape: Shape,
    /// The value AWS fills in when nothing is declared and none of `given` holds, as JSON text; `None` if it has none.
    pub default: Option<&'static str>,
    /// Defaults that hang on other fields; the first whose conditions all hold counts.
    pub given: &'static [Given],
    /// AWS cannot change it in place.
    pub create_only: bool,
    /// The kind can create the thing without it and fill it in afterwards, so references through it may form
    /// a circle.
    pub late: bool,
    /// A secret: never stored, compared or shown.
    pub sensitive: bool,
    /// How much a difference matters.
    pub severity: Severity,
    /// Where this is known from: an AWS documentation page. Empty for plain structure.
    pub source: &'static str,
    /// The canonical form in words, where there is more than one way to write a value; empty if there is none.
    pub canonical: &'static str,
    /// Who else may own it, and when; empty if nobody.
    pub owners: &'static str,
}

/// A default that holds under conditions.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// All of them must hold.
    pub when: &'static [When],
    /// The default, as JSON text.
    pub default: &'static str,
    /// The AWS documentation page that says so.
    pub source: &'static str,
}

/// A condition on another field of the same spec. What is not declared counts as it is live, or else as its default,
/// which may hang on a third field; conditions never lead back.
#[derive(Clone, Copy, Debug)]
pub struct When {
    /// JSON Pointer of the other field.
    pub at: &'static str,
    /// The values, as text, that satisfy it.
    pub is: &'static [&'static str],
}

impl std::fmt::Display for Given {
    /// The conditions in words: `protocol is HTTP or HTTPS and targetType is ip`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let one = |w: &When| format!("{} is {}", w.at[1..].replace('/', "."), w.is.join(" or "));
        f.write_str(&self.when.iter().map(one).collect::<Vec<_>>().join(" and "))
    }
}

/// How two values of a field are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// By value; a number equals its text, `true` equals `"true"`.
    Scalar,
    /// Key by key; undeclared keys are unmanaged.
    Object,
    /// As `Object`, for free keys (tags, attributes): a key declared earlier and gone is removed.
    Map,
    /// In order.
    List,
    /// Without order; items are the same when their keys are.
    Set(ItemKey),
    /// Not compared at all: an instruction for a call, not a state.
    WriteOnly,
}

/// Which fields of a set's item make it the same item; the others are compared inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKey {
    /// All of it.
    Whole,
    /// These fields.
    Of(&'static [&'static str]),
    /// All but these fields.
    AllBut(&'static [&'static str]),
}

/// How much a difference matters.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Somebody may get in who should not, or a protection is off.
    Exposure,
    /// It behaves differently.
    #[default]
    Functional,
    /// Only people notice.
    Cosmetic,
}

impl Field {
    /// A field that is compared by value and has nothing special yet.
    pub const fn scalar(path: &'static str) -> Self {
        Self {
            path,
            shape: Shape::Scalar,
            default: None,
            given: &[],
            create_only: false,
            late: false,
            sensitive: false,
            severity: Severity::Functional,
            source: "",
            canonical: "",
            owners: "",
        }
    }
    /// A field of the given shape.
    pub const fn of(path: &'static str, shape: Shape) -> Self {
        let mut f = Self::scalar(path);
        f.shape = shape;
        f
    }
    /// A set whose items are compared whole.
    pub const fn set(path: &'static str) -> Self {
        Self::of(path, Shape::Set(ItemKey::Whole))
    }
    /// With AWS's default, as JSON text, and where it is documented.
    #[must_use]
    pub const fn default(mut self, json: &'static str, source: &'static str) -> Self {
        self.default = Some(json);
        self.source = source;
        self
    }
    /// True if the table knows a default of it, under a condition or without.
    pub const fn has_default(&self) -> bool {
        self.default.is_some() || !self.given.is_empty()
    }
    /// With defaults that hang on other fields; they come before the one without a condition.
    #[must_use]
    pub const fn given(mut self, given: &'static [Given]) -> Self {
        self.given = given;
        self
    }
    /// With its canonical form in words.
    #[must_use]
    pub const fn canonical(mut self, words: &'static str) -> Self {
        self.canonical = words;
        self
    }
    /// With who else may own it.
    #[must_use]
    pub const fn owners(mut self, words: &'static str) -> Self {
        self.owners = words;
        self
    }
    /// Cannot change in place.
    #[must_use]
    pub const fn create_only(mut self) -> Self {
        self.create_only = true;
        self
    }
    /// May be filled in after the create.
    #[must_use]
    pub const fn late(mut self) -> Self {
        self.late = true;
        self
    }
    /// A secret.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
    /// With another severity than `Functional`.
    #[must_use]
    pub const fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

/// A kind's table, ready for look-ups while walking a document: a tree of segments.
#[derive(Debug, Default)]
pub struct Facts {
    field: Option<Field>,
    default: Option<Value>,
    given: Vec<(&'static [When], Value)>,
    children: std::collections::BTreeMap<&'static str, Facts>,
}

impl Facts {
    /// Builds the tree. Panics only on a default that is no JSON, which a kind's own tests catch.
    pub fn new(table: &'static [Field]) -> Self {
        let mut root = Self::default();
        for field in table {
            let mut node = &mut root;
            for segment in field.path.split('/').skip(1) {
                node = node.children.entry(segment).or_default();
            }
            let parsed = |text: &str| {
                serde_json::from_str(text).unwrap_or_else(|e| panic!("default of {} is no JSON: {e}", field.path))
            };
            node.default = field.default.map(parsed);
            node.given = field.given.iter().map(|g| (g.when, parsed(g.default))).collect();
            node.field = Some(*field);
        }
        root
    }

    /// The facts of a child by key or index; a shared empty one if nothing is known.
    pub fn child(&self, segment: &str) -> &Facts {
        static NONE: Facts =
            Facts { field: None, default: None, given: Vec::new(), children: std::collections::BTreeMap::new() };
        self.children.get(segment).or_else(|| self.children.get("*")).unwrap_or(&NONE)
    }

    /// The facts at a concrete pointer.
    pub fn at(&self, pointer: &str) -> &Facts {
        crate::pointer::segments(pointer).fold(self, |node, segment| node.child(&segment))
    }

    /// What the table says of this very field.
    pub fn field(&self) -> Option<&Field> {
        self.field.as_ref()
    }

    /// True if the table knows a default of this field or of one below it.
    pub fn has_default(&self) -> bool {
        self.field.as_ref().is_some_and(Field::has_default) || self.children.values().any(Facts::has_default)
    }

    /// The default that AWS fills in where the rest of the spec is as `scene` says, if one is known.
    pub fn default_in(&self, scene: &Scene<'_>) -> Option<&Value> {
        let holds = |when: &&[When]| when.iter().all(|w| scene.satisfies(w));
        self.given.iter().find(|(when, _)| holds(when)).map(|(_, default)| default).or(self.default.as_ref())
    }

    /// Where the default that [`Self::default_in`] gives is documented; empty if none is known.
    pub fn source_in(&self, scene: &Scene<'_>) -> &'static str {
        let Some(field) = &self.field else { return "" };
        let holds = |when: &&[When]| when.iter().all(|w| scene.satisfies(w));
        let given = self.given.iter().position(|(when, _)| holds(when)).and_then(|n| field.given.get(n));
        given.map_or(field.source, |g| g.source)
    }

    /// True if the field at `pointer`, or a field above it, satisfies `test`.
    pub fn any_above(&self, pointer: &str, test: impl Fn(&Field) -> bool) -> bool {
        let mut node = self;
        crate::pointer::segments(pointer).any(|segment| {
            node = node.child(&segment);
            node.field().is_some_and(&test)
        })
    }

    /// The severity of a difference at `pointer`: that of the nearest field above it that has one.
    pub fn severity(&self, pointer: &str) -> Severity {
        let mut node = self;
        let mut found = Severity::Functional;
        for segment in crate::pointer::segments(pointer) {
            node = node.child(&segment);
            if let Some(field) = node.field() {
                found = field.severity;
            }
        }
        found
    }
}

/// The spec in which a conditional default is looked up: what is declared, what is live, and the kind's table.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// What is declared.
    pub desired: &'a Value,
    /// What is live.
    pub live: &'a Value,
    /// The kind's table, for conditions on fields that are neither.
    pub facts: &'a Facts,
}

impl Scene<'_> {
    fn satisfies(&self, when: &When) -> bool {
        let said = |side: &'_ Value| side.pointer(when.at).filter(|v| !v.is_null()).map(text);
        let default = || self.facts.at(when.at).default_in(self).map(text);
        said(self.desired).or_else(|| said(self.live)).or_else(default).is_some_and(|v| when.is.contains(&v.as_str()))
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
