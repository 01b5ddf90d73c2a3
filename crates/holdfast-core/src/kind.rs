//! The shape of a kind, and its erased form that core, engine, API and simulator work with.

use crate::facts::{Facts, Field, Severity};
use crate::handle::{Handle, Stem};
use crate::name::{KindName, ResourceKey};
use crate::observe::Observation;
use crate::preflight::Need;
use crate::problem::SpecError;
use crate::status::FieldDiff;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::marker::PhantomData;
use std::sync::OnceLock;

/// What a kind of AWS resource must say of itself. All of it is pure; the live side is in the kind's `aws.rs`.
///
/// Specs travel as JSON in *canonical form*: references filled in where known, still `${…}` where a step of
/// the same plan will make them. A field is absent (unmanaged), null (must be unset) or has a value.
pub trait Kind: Send + Sync + 'static {
    /// The name users write.
    const NAME: KindName;
    /// One line for lists.
    const SUMMARY: &'static str;
    /// Markdown for the docs page: behaviour worth knowing, and where emulators depart from AWS.
    const DOC: &'static str;
    /// A whole resource document as JSON, valid and typical.
    const EXAMPLE: &'static str;
    /// The field facts.
    const FIELDS: &'static [Field];
    /// What references can take; `id` always, `arn` where AWS has one.
    const OUTPUTS: &'static [Output];
    /// IAM actions that the live side calls, such as `ecs:CreateCluster`.
    const PERMISSIONS: &'static [&'static str];
    /// The live thing this one lives in, if any.
    const CONTAINER: Option<Container> = None;
    /// AWS refuses to delete it while another live thing names its id.
    const HELD_BY_USERS: bool = false;
    /// AWS goes on deleting it for a while after the call, and until then refuses to delete what it stands on.
    const LINGERS: bool = false;
    /// The id follows from the name (an ECS ARN), so another thing made later under the same name has it too.
    const ID_IS_NAME: bool = false;
    /// Where others hold its plain name: their kind, and a JSON Pointer in which `*` stands for any item. Elsewhere the
    /// same text names something else; ids and ARNs refer to it wherever they stand.
    const NAMED_IN: &'static [(KindName, &'static str)] = &[];
    /// How AWS names its things.
    const HANDLE: Handle = Handle::ANY;
    /// What a change leaves of a handle: revisions of one thing share it, and a read that goes back in time, or an answer
    /// that is lost, hides which of them is the newest.
    const STEM: Stem = |handle| handle;
    /// A create that is repeated while AWS does not show the first one yet makes no second thing: AWS refuses it, or
    /// what comes of it does no harm.
    const REPEATABLE: bool = false;
    /// Ordering that no reference expresses.
    const FOLLOWS: &'static [Follow] = &[];
    /// It holds data that AWS can keep in a final snapshot when it deletes it.
    const SNAPSHOTS: bool = false;
    /// AWS takes tags for it. One without is ours by the handle that we remember, which [`Self::acts_on`] tells of a
    /// create before AWS has answered it.
    const TAGGED: bool = true;

    /// A sweep reads by name what is wanted and nothing else, so what is on its way can be read without what is at rest.
    const BY_NAME: bool = false;

    /// It only asks: nothing is made, changed or deleted. A sweep answers each wanted spec with one observation of that
    /// identity, with the fields of the spec; the one remembered, as long as it answers the question.
    const LOOKUP: bool = false;

    /// The spec as users write it.
    type Spec: JsonSchema + DeserializeOwned + Serialize;
    /// A closed enum; its `Display` is the line in a plan, such as `authorize ingress tcp 80 from 0.0.0.0/0`.
    type Action: Serialize + DeserializeOwned + Display;

    /// Rules across fields that the schema cannot say. Pointers are relative to the spec. Strings may still hold
    /// references.
    fn validate(spec: &Self::Spec) -> Vec<SpecError>;

    /// Rules across resources, such as "the container that a service names must be in its task definition".
    /// `peers` gives the spec of any declared resource, in this stack or another. Both sides are as written, with
    /// variables filled in and references still standing. Pointers are relative to the spec.
    fn validate_with(spec: &Value, peers: &dyn Fn(&ResourceKey) -> Option<Value>, stack: &str) -> Vec<SpecError> {
        let _ = (spec, peers, stack);
        Vec::new()
    }

    /// What making it takes of AWS's quotas, for those that AWS tells ([`crate::preflight`]). The spec is as written, with
    /// variables filled in and references still standing.
    fn needs(spec: &Value) -> Vec<Need> {
        let _ = spec;
        Vec::new()
    }

    /// Why a thing of that spec never has an output, if it never does: whoever referred to it would wait for ever. The
    /// spec is as written.
    fn withholds(spec: &Value, output: &str) -> Option<&'static str> {
        let _ = (spec, output);
        None
    }

    /// Brings a declared or observed spec to canonical form, in place. Total, idempotent, and silent about
    /// values that are still `${…}`.
    fn canonical(spec: &mut Value);

    /// The identity by which the live thing is found with no memory of ours; `None` while it hangs on an
    /// unknown reference.
    fn identity(spec: &Value) -> Option<String>;

    /// Fields of other kinds, with their pointers, that whoever works on such a thing may set.
    fn claims(_fields: &Value) -> &'static [(KindName, &'static str)] {
        &[]
    }

    /// How much a difference matters, where its value decides; `diff.severity` is what the field facts say.
    fn severity(diff: &FieldDiff) -> Severity {
        diff.severity
    }

    /// The steps that make it. The first must be the create call itself, tags included.
    fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Self::Action>>;

    /// The steps that bring `live` to `spec`, make before break. `diffs` are the differences to heal, without
    /// tags and without create-only fields, which core handles. Called also when there are none, for upkeep.
    fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff], context: &Context<'_>)
    -> Converge<Self::Action>;

    /// The step that sets and removes tags.
    fn retag(live: &Observation, set: BTreeMap<String, String>, remove: BTreeSet<String>) -> Self::Action;

    /// The steps that delete it, in order.
    fn delete(live: &Observation) -> Vec<Draft<Self::Action>>;

    /// The steps that delete it and keep its data in a final snapshot. Asked only of kinds that have [`Self::SNAPSHOTS`].
    fn delete_with_snapshot(live: &Observation) -> Vec<Draft<Self::Action>> {
        Self::delete(live)
    }

    /// All actions of this kind that one plan does in a scope, in the plan's order. A kind widens some of them here
    /// where AWS wants changes of several things in one call, such as priorities that rules swap.
    fn together(_actions: &mut [Self::Action]) {}

    /// The id or identity of the live thing that an action acts on, where its id does not stand in the action.
    fn acts_on(_action: &Self::Action) -> Option<String> {
        None
    }

    /// What AWS makes of an action: the observation afterwards, `None` when the thing is gone. `before` is
    /// `None` for a thing that does not exist. Drives the simulated AWS and the laws.
    fn predict(
        before: Option<&Observation>,
        action: &Self::Action,
        mint: &mut Mint,
    ) -> Result<Option<Observation>, Refusal>;
}

/// A value that references can take.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// As in `${Kind/name.output}`.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
}

/// The live thing that a kind's things live in.
#[derive(Clone, Copy, Debug)]
pub struct Container {
    /// JSON Pointer of the field that holds the container's id.
    pub pointer: &'static str,
    /// True: AWS deletes this with its container. False: AWS refuses to delete the container before.
    pub cascades: bool,
}

/// "Comes after every resource of `kinds` in the stack that refers to the same `sharing` as I do", be it directly or, where
/// none is named directly, through what is referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Follow {
    /// The kinds to come after.
    pub kinds: &'static [&'static str],
    /// The kind that both refer to.
    pub sharing: &'static str,
}

/// What a kind may know of its resource while it plans.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Whose plan it is.
    pub key: &'a ResourceKey,
    /// All tags of a create call: declared, stack's, owner's.
    pub tags: &'a BTreeMap<String, String>,
}

impl Context<'_> {
    /// A reference to an output of the resource itself, for steps after its create.
    pub fn own(&self, output: &str) -> String {
        format!("${{{}/{}.{output}}}", self.key.kind, self.key.name)
    }
}

/// What to do about differences.
#[derive(Clone, Debug, PartialEq)]
pub enum Converge<A> {
    /// These steps; none when it is in sync.
    Change(Vec<Draft<A>>),
    /// AWS cannot do it in place; these fields are why.
    Replace(Vec<String>),
    /// Not now, and why (a deployment runs, AWS is busy).
    Wait(String),
}

/// One step as a kind wants it; core gives it its number and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft<A> {
    /// What to do.
    pub action: A,
    /// Paths of the differences that it heals; empty for a create, a delete, upkeep.
    pub heals: Vec<String>,
    /// Why, as the rest of "because …"; empty lets core name the healed fields.
    pub because: String,
    /// Outputs that have another value afterwards, so that referrers wait for it.
    pub renews: &'static [&'static str],
    /// What is done about the healed fields, for the drift report: `authorize`, `revoke`, `update`.
    pub decision: &'static str,
    /// What the live thing has to be meanwhile, such as `stopped`, if it is out of service for it: such a step is taken
    /// only where policy allows a replacement.
    pub interrupts: Option<&'static str>,
}

impl<A> Draft<A> {
    /// A step that heals the given paths.
    pub fn heal(action: A, decision: &'static str, heals: Vec<String>) -> Self {
        Self { action, heals, because: String::new(), renews: &[], decision, interrupts: None }
    }
    /// A step that heals no single field, with its reason.
    pub fn because(action: A, decision: &'static str, because: impl Into<String>) -> Self {
        Self { action, heals: Vec::new(), because: because.into(), renews: &[], decision, interrupts: None }
    }
    /// With the outputs it renews.
    #[must_use]
    pub fn renewing(mut self, outputs: &'static [&'static str]) -> Self {
        self.renews = outputs;
        self
    }
    /// With what the live thing has to be meanwhile, such as `stopped`.
    #[must_use]
    pub fn interrupting(mut self, state: &'static str) -> Self {
        self.interrupts = Some(state);
        self
    }
}

/// Makes ids for predicted things; deterministic.
#[derive(Clone, Debug)]
pub struct Mint {
    /// 12-digit account id.
    pub account_id: String,
    /// Region.
    pub region: String,
    /// Counts up with every id.
    pub next: u64,
}

impl Mint {
    /// `digits` hexadecimal digits, another each time.
    pub fn hex(&mut self, digits: usize) -> String {
        self.next += 1;
        // A multiplication by an odd number is a bijection, so two ids never meet; it only looks less like a counter.
        let mixed = (self.next as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_0C5D_1B54_32F1);
        let text = format!("{mixed:032x}");
        text[32 - digits.min(32)..].to_owned()
    }
    /// `arn:aws:{service}:{region}:{account}:{rest}`.
    pub fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{rest}", self.region, self.account_id)
    }
}

/// AWS would refuse: code and words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the loop does next.
    pub class: crate::cloud::ErrorClass,
    /// AWS's error code.
    pub code: String,
    /// AWS's words.
    pub message: String,
}

/// A [`Kind`] with its types erased to JSON.
#[allow(missing_docs, reason = "each method is the one of the same name in Kind")]
pub trait AnyKind: Send + Sync {
    fn name(&self) -> KindName;
    fn summary(&self) -> &'static str;
    fn doc(&self) -> &'static str;
    fn example(&self) -> &'static str;
    fn fields(&self) -> &'static [Field];
    fn facts(&self) -> &Facts;
    fn outputs(&self) -> &'static [Output];
    fn permissions(&self) -> &'static [&'static str];
    fn container(&self) -> Option<Container>;
    fn held_by_users(&self) -> bool;
    fn lingers(&self) -> bool;
    fn id_is_name(&self) -> bool;
    fn named_in(&self) -> &'static [(KindName, &'static str)];
    fn handle(&self) -> Handle;
    fn stem(&self) -> Stem;
    fn repeatable(&self) -> bool;
    fn follows(&self) -> &'static [Follow];
    fn claims(&self, fields: &Value) -> &'static [(KindName, &'static str)];
    fn snapshots(&self) -> bool;
    fn tagged(&self) -> bool;
    fn by_name(&self) -> bool;
    fn lookup(&self) -> bool;
    /// JSON Schema 2020-12 of the spec.
    fn schema(&self) -> &Value;
    /// Typed parse and cross-field rules; a parse that fails is one error.
    fn validate(&self, spec: &Value) -> Vec<SpecError>;
    fn validate_with(&self, spec: &Value, peers: &dyn Fn(&ResourceKey) -> Option<Value>, stack: &str)
    -> Vec<SpecError>;
    fn needs(&self, spec: &Value) -> Vec<Need>;
    fn withholds(&self, spec: &Value, output: &str) -> Option<&'static str>;
    fn canonical(&self, spec: &mut Value);
    fn identity(&self, spec: &Value) -> Option<String>;
    fn severity(&self, diff: &FieldDiff) -> Severity;
    fn create(&self, spec: &Value, context: &Context<'_>) -> Vec<Draft<AnyAction>>;
    fn converge(
        &self,
        spec: &Value,
        live: &Observation,
        diffs: &[FieldDiff],
        context: &Context<'_>,
    ) -> Converge<AnyAction>;
    fn retag(&self, live: &Observation, set: BTreeMap<String, String>, remove: BTreeSet<String>) -> AnyAction;
    fn delete(&self, live: &Observation) -> Vec<Draft<AnyAction>>;
    fn delete_with_snapshot(&self, live: &Observation) -> Vec<Draft<AnyAction>>;
    fn acts_on(&self, action: &Value) -> Option<String>;
    fn together(&self, actions: &mut [AnyAction]);
    fn predict(
        &self,
        before: Option<&Observation>,
        action: &Value,
        mint: &mut Mint,
    ) -> Result<Option<Observation>, Refusal>;
}

/// An action as JSON and as a line of text.
#[derive(Clone, Debug, PartialEq)]
pub struct AnyAction {
    /// What the live side takes.
    pub json: Value,
    /// What a person reads.
    pub text: String,
}

/// Erases `K`.
pub struct Erased<K: Kind> {
    facts: OnceLock<Facts>,
    schema: OnceLock<Value>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Erased<K> {
    /// The erased form of `K`.
    pub fn boxed() -> Box<dyn AnyKind> {
        Box::new(Self { facts: OnceLock::new(), schema: OnceLock::new(), kind: PhantomData })
    }
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } => crate::pointer::join(&pointer, key),
        // The variant of an enum is no place in the document.
        Segment::Enum { .. } | Segment::Unknown => pointer,
    })
}

fn erase<A: Serialize + Display>(action: &A) -> AnyAction {
    // An action is plain data with string keys; serializing it cannot fail.
    AnyAction { json: serde_json::to_value(action).unwrap_or(Value::Null), text: action.to_string() }
}

fn erase_draft<A: Serialize + Display>(draft: Draft<A>) -> Draft<AnyAction> {
    Draft {
        action: erase(&draft.action),
        heals: draft.heals,
        because: draft.because,
        renews: draft.renews,
        decision: draft.decision,
        interrupts: draft.interrupts,
    }
}

impl<K: Kind> AnyKind for Erased<K> {
    fn name(&self) -> KindName {
        K::NAME
    }
    fn summary(&self) -> &'static str {
        K::SUMMARY
    }
    fn doc(&self) -> &'static str {
        K::DOC
    }
    fn example(&self) -> &'static str {
        K::EXAMPLE
    }
    fn fields(&self) -> &'static [Field] {
        K::FIELDS
    }
    fn facts(&self) -> &Facts {
        self.facts.get_or_init(|| Facts::new(K::FIELDS))
    }
    fn outputs(&self) -> &'static [Output] {
        K::OUTPUTS
    }
    fn permissions(&self) -> &'static [&'static str] {
        K::PERMISSIONS
    }
    fn container(&self) -> Option<Container> {
        K::CONTAINER
    }
    fn held_by_users(&self) -> bool {
        K::HELD_BY_USERS
    }
    fn lingers(&self) -> bool {
        K::LINGERS
    }
    fn id_is_name(&self) -> bool {
        K::ID_IS_NAME
    }
    fn named_in(&self) -> &'static [(KindName, &'static str)] {
        K::NAMED_IN
    }
    fn handle(&self) -> Handle {
        K::HANDLE
    }
    fn stem(&self) -> Stem {
        K::STEM
    }
    fn repeatable(&self) -> bool {
        K::REPEATABLE
    }
    fn follows(&self) -> &'static [Follow] {
        K::FOLLOWS
    }
    fn claims(&self, fields: &Value) -> &'static [(KindName, &'static str)] {
        K::claims(fields)
    }
    fn snapshots(&self) -> bool {
        K::SNAPSHOTS
    }
    fn tagged(&self) -> bool {
        K::TAGGED
    }
    fn by_name(&self) -> bool {
        K::BY_NAME
    }
    fn lookup(&self) -> bool {
        K::LOOKUP
    }
    fn schema(&self) -> &Value {
        self.schema.get_or_init(|| schemars::schema_for!(K::Spec).to_value())
    }
    fn validate(&self, spec: &Value) -> Vec<SpecError> {
        match serde_path_to_error::deserialize::<_, K::Spec>(spec) {
            Ok(spec) => K::validate(&spec),
            Err(e) => vec![SpecError::new(pointer_of(e.path()), "invalid-value", format!("{}.", e.inner()))],
        }
    }
    fn validate_with(
        &self,
        spec: &Value,
        peers: &dyn Fn(&ResourceKey) -> Option<Value>,
        stack: &str,
    ) -> Vec<SpecError> {
        K::validate_with(spec, peers, stack)
    }
    fn needs(&self, spec: &Value) -> Vec<Need> {
        K::needs(spec)
    }
    fn withholds(&self, spec: &Value, output: &str) -> Option<&'static str> {
        K::withholds(spec, output)
    }
    fn canonical(&self, spec: &mut Value) {
        K::canonical(spec);
    }
    fn identity(&self, spec: &Value) -> Option<String> {
        K::identity(spec)
    }
    fn severity(&self, diff: &FieldDiff) -> Severity {
        K::severity(diff)
    }
    fn create(&self, spec: &Value, context: &Context<'_>) -> Vec<Draft<AnyAction>> {
        K::create(spec, context).into_iter().map(erase_draft).collect()
    }
    fn converge(
        &self,
        spec: &Value,
        live: &Observation,
        diffs: &[FieldDiff],
        context: &Context<'_>,
    ) -> Converge<AnyAction> {
        match K::converge(spec, live, diffs, context) {
            Converge::Change(steps) => Converge::Change(steps.into_iter().map(erase_draft).collect()),
            Converge::Replace(fields) => Converge::Replace(fields),
            Converge::Wait(why) => Converge::Wait(why),
        }
    }
    fn retag(&self, live: &Observation, set: BTreeMap<String, String>, remove: BTreeSet<String>) -> AnyAction {
        erase(&K::retag(live, set, remove))
    }
    fn acts_on(&self, action: &Value) -> Option<String> {
        K::acts_on(&serde_json::from_value(action.clone()).ok()?)
    }
    fn delete(&self, live: &Observation) -> Vec<Draft<AnyAction>> {
        K::delete(live).into_iter().map(erase_draft).collect()
    }
    fn delete_with_snapshot(&self, live: &Observation) -> Vec<Draft<AnyAction>> {
        K::delete_with_snapshot(live).into_iter().map(erase_draft).collect()
    }
    fn together(&self, actions: &mut [AnyAction]) {
        // An action that this kind cannot read is none of its own making; then all stay as they are.
        let typed: Result<Vec<K::Action>, _> = actions.iter().map(|a| serde_json::from_value(a.json.clone())).collect();
        if let Ok(mut typed) = typed {
            K::together(&mut typed);
            actions.iter_mut().zip(&typed).for_each(|(any, action)| *any = erase(action));
        }
    }
    fn predict(
        &self,
        before: Option<&Observation>,
        action: &Value,
        mint: &mut Mint,
    ) -> Result<Option<Observation>, Refusal> {
        let action: K::Action = serde_json::from_value(action.clone()).map_err(|e| Refusal {
            class: crate::cloud::ErrorClass::Rejected,
            code: "MalformedAction".to_owned(),
            message: e.to_string(),
        })?;
        K::predict(before, &action, mint)
    }
}

/// All kinds of a build, by name.
pub struct Registry {
    kinds: BTreeMap<KindName, Box<dyn AnyKind>>,
}

impl Registry {
    /// Takes the list of kinds.
    pub fn new(kinds: Vec<Box<dyn AnyKind>>) -> Self {
        Self { kinds: kinds.into_iter().map(|k| (k.name(), k)).collect() }
    }
    /// What revisions of a thing of that kind share of their handles.
    pub fn stem(&self, name: &str) -> Stem {
        self.get(name).map_or(|handle| handle, AnyKind::stem)
    }
    /// The kind of that name.
    pub fn get(&self, name: &str) -> Option<&dyn AnyKind> {
        self.kinds.get(name).map(AsRef::as_ref)
    }
    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &dyn AnyKind> {
        self.kinds.values().map(AsRef::as_ref)
    }
    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = KindName> + '_ {
        self.kinds.keys().copied()
    }
}
