//! Four toy kinds for tests, each small and each with one quirk of the real ones: `Group` is made first and filled
//! afterwards and held by its users, `Machine` refers to a group, `Part` lives in a machine and goes with it,
//! `Recipe` gets a new revision for every change.

use holdfast_core::cloud::ErrorClass;
use holdfast_core::facts::Field;
use holdfast_core::kind::{Container, Context, Converge, Draft, Erased, Kind, Mint, Output, Refusal, Registry};
use holdfast_core::observe::{Health, LiveState, Observation};
use holdfast_core::ownership::Ownership;
use holdfast_core::problem::SpecError;
use holdfast_core::status::FieldDiff;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// All toys.
pub(crate) fn toys() -> Registry {
    Registry::new(vec![
        Erased::<Group>::boxed(),
        Erased::<Machine>::boxed(),
        Erased::<Part>::boxed(),
        Erased::<Recipe>::boxed(),
    ])
}

/// The actions of all toys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Do {
    Create { fields: Value, tags: BTreeMap<String, String> },
    Set { id: String, values: Map<String, Value> },
    Allow { id: String, rules: Vec<Value> },
    Revoke { id: String, rules: Vec<Value> },
    Tag { id: String, set: BTreeMap<String, String>, remove: BTreeSet<String> },
    Delete { id: String },
}

impl fmt::Display for Do {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Do::Create { .. } => write!(f, "create"),
            Do::Set { values, .. } => write!(f, "set {}", values.keys().cloned().collect::<Vec<_>>().join(", ")),
            Do::Allow { rules, .. } => write!(f, "allow {}", json!(rules)),
            Do::Revoke { rules, .. } => write!(f, "revoke {}", json!(rules)),
            Do::Tag { .. } => write!(f, "tag"),
            Do::Delete { .. } => write!(f, "delete"),
        }
    }
}

fn missing() -> Refusal {
    Refusal { class: ErrorClass::Conflict, code: "NotFound".to_owned(), message: "there is no such thing".to_owned() }
}

fn made(id: String, identity: String, fields: &Value, tags: &BTreeMap<String, String>) -> Observation {
    let outputs = [("id".to_owned(), json!(id)), ("arn".to_owned(), json!(format!("arn:toy:{id}")))];
    Observation {
        id,
        identity,
        tags: tags.clone().into(),
        fields: fields.clone().into(),
        unread: Vec::new(),
        outputs: outputs.into_iter().collect(),
        state: LiveState::Settled,
        health: Health::Healthy,
        private: Value::Null.into(),
        ownership: Ownership::default(),
    }
}

fn rules_of(thing: &mut Observation) -> &mut Vec<Value> {
    if !thing.fields["rules"].is_array() {
        thing.fields["rules"] = json!([]);
    }
    thing.fields["rules"].as_array_mut().unwrap_or_else(|| unreachable!("it was just made a list"))
}

/// What every toy makes of an action; `prefix` is that of its ids.
fn outcome(
    prefix: &str,
    identity: Option<String>,
    before: Option<&Observation>,
    action: &Do,
    mint: &mut Mint,
) -> Result<Option<Observation>, Refusal> {
    if let Do::Create { fields, tags } = action {
        let id = format!("{prefix}-{}", mint.hex(8));
        return Ok(Some(made(id, identity.unwrap_or_default(), fields, tags)));
    }
    let mut after = before.ok_or_else(missing)?.clone();
    match action {
        Do::Create { .. } => {}
        Do::Set { values, .. } => {
            for (key, value) in values {
                after.fields[key] = value.clone();
            }
        }
        Do::Allow { rules, .. } => {
            if rules.iter().any(|r| rules_of(&mut after).contains(r)) {
                return Err(Refusal {
                    class: ErrorClass::Conflict,
                    code: "Duplicate".to_owned(),
                    message: "the rule exists".to_owned(),
                });
            }
            rules_of(&mut after).extend(rules.iter().cloned());
        }
        Do::Revoke { rules, .. } => rules_of(&mut after).retain(|r| !rules.contains(r)),
        Do::Tag { set, remove, .. } => {
            after.tags_mut().retain(|k, _| !remove.contains(k));
            after.tags_mut().extend(set.clone());
        }
        Do::Delete { .. } => return Ok(None),
    }
    Ok(Some(after))
}

fn text(spec: &Value, field: &str) -> Option<String> {
    spec.get(field)?.as_str().filter(|s| !holdfast_core::reference::is_open(s)).map(str::to_owned)
}

fn set_differing(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Converge<Do> {
    let top = |path: &str| path.split('/').nth(1).unwrap_or_default().to_owned();
    let heals: Vec<String> = diffs.iter().map(|d| d.path.clone()).collect();
    let values: Map<String, Value> = heals.iter().map(|p| (top(p), spec[top(p)].clone())).collect();
    if values.is_empty() {
        return Converge::Change(Vec::new());
    }
    Converge::Change(vec![Draft::heal(Do::Set { id: live.id.clone(), values }, "update", heals)])
}

fn delete(live: &Observation) -> Vec<Draft<Do>> {
    vec![Draft::because(Do::Delete { id: live.id.clone() }, "delete", "")]
}

fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Do>> {
    let mut fields = spec.clone();
    if let Some(map) = fields.as_object_mut() {
        map.shift_remove("tags");
    }
    vec![Draft::because(Do::Create { fields, tags: context.tags.clone() }, "create", "")]
}

/// A kind with a fault in it, for whoever declares this.
fn panic_if_poisoned(spec: &Value) {
    assert!(!spec["rules"].to_string().contains("poison"), "simulated panic in a plan");
}

const OUTPUTS: &[Output] = &[Output { name: "id", doc: "the id" }, Output { name: "arn", doc: "the ARN" }];

macro_rules! common {
    ($prefix:literal) => {
        type Action = Do;
        fn validate(_: &Self::Spec) -> Vec<SpecError> {
            Vec::new()
        }
        fn canonical(_: &mut Value) {}
        fn retag(live: &Observation, set: BTreeMap<String, String>, remove: BTreeSet<String>) -> Do {
            Do::Tag { id: live.id.clone(), set, remove }
        }
        fn delete(live: &Observation) -> Vec<Draft<Do>> {
            delete(live)
        }
        fn predict(before: Option<&Observation>, action: &Do, mint: &mut Mint) -> Result<Option<Observation>, Refusal> {
            let identity = match action {
                Do::Create { fields, .. } => Self::identity(fields),
                _ => None,
            };
            Self::refine(before, outcome($prefix, identity, before, action, mint))
        }
    };
}

trait Refine {
    /// A toy's own word on what became of an action.
    fn refine(
        _before: Option<&Observation>,
        after: Result<Option<Observation>, Refusal>,
    ) -> Result<Option<Observation>, Refusal> {
        after
    }
}

/// Made empty, filled afterwards, held by its users.
pub(crate) struct Group;

/// The spec of a group.
#[derive(JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct GroupSpec {
    group_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<BTreeMap<String, String>>,
}

impl Refine for Group {}
impl Kind for Group {
    const NAME: &'static str = "Group";
    const SUMMARY: &'static str = "a toy";
    const DOC: &'static str = "";
    const EXAMPLE: &'static str = "{}";
    const FIELDS: &'static [Field] = &[Field::scalar("/groupName").create_only(), Field::set("/rules").late()];
    const OUTPUTS: &'static [Output] = OUTPUTS;
    const PERMISSIONS: &'static [&'static str] = &[
        "toy:DescribeGroups",
        "toy:CreateGroup",
        "toy:DeleteGroup",
        "toy:AllowGroupRules",
        "toy:RevokeGroupRules",
        "toy:TagGroup",
    ];
    const HELD_BY_USERS: bool = true;
    const REPEATABLE: bool = true;
    type Spec = GroupSpec;
    common!("grp");

    fn identity(spec: &Value) -> Option<String> {
        text(spec, "groupName")
    }
    fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Do>> {
        panic_if_poisoned(spec);
        let fields = json!({ "groupName": spec["groupName"] });
        let mut steps = vec![Draft::because(Do::Create { fields, tags: context.tags.clone() }, "create", "")];
        if let Some(rules) = spec["rules"].as_array().filter(|r| !r.is_empty()) {
            let allow = Do::Allow { id: context.own("id"), rules: rules.clone() };
            steps.push(Draft::heal(allow, "allow", vec!["/rules".to_owned()]));
        }
        steps
    }
    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Do> {
        panic_if_poisoned(spec);
        let of = |pick: fn(&FieldDiff) -> &Value| -> (Vec<Value>, Vec<String>) {
            diffs.iter().filter(|d| !pick(d).is_null()).map(|d| (pick(d).clone(), d.path.clone())).unzip()
        };
        let ((missing, adds), (extra, drops)) = (of(|d| &d.desired), of(|d| &d.live));
        let id = live.id.clone();
        let mut steps = Vec::new();
        if !missing.is_empty() {
            steps.push(Draft::heal(Do::Allow { id: id.clone(), rules: missing }, "allow", adds));
        }
        if !extra.is_empty() {
            steps.push(Draft::heal(Do::Revoke { id, rules: extra }, "revoke", drops));
        }
        Converge::Change(steps)
    }
}

/// Refers to a group.
pub(crate) struct Machine;

/// The spec of a machine.
#[derive(JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MachineSpec {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipe: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<BTreeMap<String, String>>,
}

impl Refine for Machine {}
impl Kind for Machine {
    const NAME: &'static str = "Machine";
    const SUMMARY: &'static str = "a toy";
    const DOC: &'static str = "";
    const EXAMPLE: &'static str = "{}";
    const FIELDS: &'static [Field] = &[Field::scalar("/name").create_only()];
    const OUTPUTS: &'static [Output] = OUTPUTS;
    const PERMISSIONS: &'static [&'static str] =
        &["toy:DescribeMachines", "toy:CreateMachine", "toy:DeleteMachine", "toy:SetMachine", "toy:TagMachine"];
    const REPEATABLE: bool = true;
    type Spec = MachineSpec;
    common!("mac");

    fn identity(spec: &Value) -> Option<String> {
        text(spec, "name")
    }
    fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Do>> {
        create(spec, context)
    }
    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Do> {
        set_differing(spec, live, diffs)
    }
}

/// Lives in a machine and goes with it.
pub(crate) struct Part;

/// The spec of a part.
#[derive(JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PartSpec {
    machine: String,
    slot: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    colour: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<BTreeMap<String, String>>,
}

impl Refine for Part {}
impl Kind for Part {
    const NAME: &'static str = "Part";
    const SUMMARY: &'static str = "a toy";
    const DOC: &'static str = "";
    const EXAMPLE: &'static str = "{}";
    const FIELDS: &'static [Field] = &[Field::scalar("/machine").create_only(), Field::scalar("/slot").create_only()];
    const OUTPUTS: &'static [Output] = OUTPUTS;
    const PERMISSIONS: &'static [&'static str] =
        &["toy:DescribeParts", "toy:CreatePart", "toy:DeletePart", "toy:SetPart", "toy:TagPart"];
    const CONTAINER: Option<Container> = Some(Container { pointer: "/machine", cascades: true });
    const REPEATABLE: bool = true;
    type Spec = PartSpec;
    common!("prt");

    fn identity(spec: &Value) -> Option<String> {
        Some(format!("{}#{}", text(spec, "machine")?, spec["slot"]))
    }
    fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Do>> {
        create(spec, context)
    }
    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], _: &Context<'_>) -> Converge<Do> {
        set_differing(spec, live, diffs)
    }
}

/// Gets a new revision for every change.
pub(crate) struct Recipe;

/// The spec of a recipe.
#[derive(JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RecipeSpec {
    family: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<BTreeMap<String, String>>,
}

impl Refine for Recipe {
    fn refine(
        before: Option<&Observation>,
        after: Result<Option<Observation>, Refusal>,
    ) -> Result<Option<Observation>, Refusal> {
        let revision = before.and_then(|b| b.private["revision"].as_u64()).unwrap_or(0);
        after.map(|after| {
            after.map(|mut thing| {
                // Only a create mints a new observation without private data.
                if thing.private.is_null() {
                    thing.private = json!({ "revision": revision + 1 }).into();
                    thing.id = format!("{}:{}", thing.identity, revision + 1);
                    thing.outputs.insert("id".to_owned(), json!(thing.id));
                    thing.outputs.insert("arn".to_owned(), json!(format!("arn:toy:{}", thing.id)));
                }
                thing
            })
        })
    }
}
impl Kind for Recipe {
    const NAME: &'static str = "Recipe";
    const SUMMARY: &'static str = "a toy";
    const DOC: &'static str = "";
    const EXAMPLE: &'static str = "{}";
    const FIELDS: &'static [Field] = &[];
    const OUTPUTS: &'static [Output] = OUTPUTS;
    const PERMISSIONS: &'static [&'static str] =
        &["toy:DescribeRecipes", "toy:CreateRecipe", "toy:DeleteRecipe", "toy:TagRecipe"];
    const REPEATABLE: bool = true;
    const BY_NAME: bool = true;
    type Spec = RecipeSpec;
    common!("rec");

    fn identity(spec: &Value) -> Option<String> {
        text(spec, "family")
    }
    fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Do>> {
        create(spec, context).into_iter().map(|d| d.renewing(&["id", "arn"])).collect()
    }
    fn converge(spec: &Value, _: &Observation, diffs: &[FieldDiff], context: &Context<'_>) -> Converge<Do> {
        if diffs.is_empty() {
            return Converge::Change(Vec::new());
        }
        let mut steps = Self::create(spec, context);
        for step in &mut steps {
            step.heals = diffs.iter().map(|d| d.path.clone()).collect();
        }
        Converge::Change(steps)
    }
}
