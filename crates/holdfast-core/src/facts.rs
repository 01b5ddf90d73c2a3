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
    /// The value AWS fills in when nothing is declared, as JSON text; `None` if it has none.
    pub default: Option<&'static str>,
    /// AWS cannot change it in place.
    pub create_only: bool,
    /// The kind can create the thing without it and fill it in afterwards, so references through it may form
    /// a circle.
    pub late: bool,
    /// A secret: never stored, compared or shown.
    pub sensitive: bool,
    /// How much a difference matters.
    pub severity: Severity,
    /// Where this is known from: an AWS documentation page or API model member. Empty for plain structure.
    pub source: &'static str,
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
            create_only: false,
            late: false,
            sensitive: false,
            severity: Severity::Functional,
            source: "",
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
            node.default = field.default.map(|text| {
                serde_json::from_str(text).unwrap_or_else(|e| panic!("default of {} is no JSON: {e}", field.path))
            });
            node.field = Some(*field);
        }
        root
    }

    /// The facts of a child by key or index; a shared empty one if nothing is known.
    pub fn child(&self, segment: &str) -> &Facts {
        static NONE: Facts = Facts { field: None, default: None, children: std::collections::BTreeMap::new() };
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

    /// The default AWS fills in, if known.
    pub fn default_value(&self) -> Option<&Value> {
        self.default.as_ref()
    }

    /// Named children with a default, in name order.
    pub fn children(&self) -> impl Iterator<Item = (&'static str, &Facts)> {
        self.children.iter().map(|(k, v)| (*k, v))
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
