//! The actions, when they are taken, and what AWS makes of them.

use super::check::{RULES_PER_DIRECTION, weight};
use super::rule::{Direction, Rule};
use super::{full, identity};
use crate::common::{self, Retag, Tags, existing, text};
use holdfast_core::kind::{Context, Draft, Mint, Refusal};
use holdfast_core::observe::Observation;
use holdfast_core::status::{Change, FieldDiff};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

/// What can be done to a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "do")]
pub(crate) enum Action {
    /// Makes the group, without rules but AWS's default egress.
    Create {
        /// Name.
        group_name: String,
        /// Description.
        description: String,
        /// The VPC's id.
        vpc_id: String,
        /// All tags, the owner's included.
        tags: Tags,
    },
    /// Adds rules; those that are there already are left alone.
    Authorize(Rules),
    /// Gives rules that are there another description.
    Describe(Rules),
    /// Removes rules; those that are not there are no error.
    Revoke(Rules),
    /// Sets and removes tags.
    Retag(Retag),
    /// Deletes the group with its rules.
    Delete {
        /// The group's id.
        id: String,
    },
}

/// Some rules of a direction of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rules {
    /// The group's id.
    pub(super) id: String,
    /// Which way.
    pub(super) direction: Direction,
    /// The rules, in canonical form; at least one.
    pub(super) rules: Vec<Rule>,
    /// Rules of the same direction that EC2 must show before these go, because they take their place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) after: Vec<Rule>,
}

impl Rules {
    fn new(id: impl Into<String>, direction: Direction, rules: Vec<Rule>) -> Self {
        Self { id: id.into(), direction, rules, after: Vec::new() }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Create { group_name, vpc_id, .. } => {
                write!(f, "create security group {} in {vpc_id}", common::one_line(group_name))
            }
            Action::Authorize(rules) => write!(f, "authorize {rules}"),
            Action::Describe(rules) => write!(f, "re-describe {rules}"),
            Action::Revoke(rules) => write!(f, "revoke {rules}"),
            Action::Retag(retag) => retag.fmt(f),
            Action::Delete { id } => write!(f, "delete security group {id}"),
        }
    }
}

/// A line names so many rules; the action holds them all.
const NAMED: usize = 4;

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<String> =
            self.rules.iter().take(NAMED).map(|r| common::one_line(&r.words(self.direction))).collect();
        write!(f, "{} {}", self.direction, named.join(", "))?;
        match self.rules.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The egress that AWS gives a new group; the second one where its VPC has IPv6.
fn default_egress() -> [Rule; 2] {
    let all = Rule { ip_protocol: common::Text("-1".to_owned()), ..Rule::default() };
    [
        Rule { cidr_ipv4: Some("0.0.0.0/0".to_owned()), ..all.clone() },
        Rule { cidr_ipv6: Some("::/0".to_owned()), ..all },
    ]
}

/// The steps that make a group: first the group, then its rules, then AWS's default egress goes if egress is declared.
pub(super) fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
    let own = |key: &str| text(spec, key).unwrap_or_default().to_owned();
    let group = Action::Create {
        group_name: own("groupName"),
        description: own("description"),
        vpc_id: own("vpcId"),
        tags: context.tags.clone(),
    };
    let mut steps = vec![Draft::because(group, "create", "it is missing")];
    let id = context.own("id");
    for direction in Direction::BOTH {
        let declared = Rule::list(spec.get(direction.field()));
        // The rule that every new group has is not authorized again, but it may want a description.
        let (mut there, rules): (Vec<Rule>, Vec<Rule>) =
            declared.into_iter().partition(|rule| direction == Direction::Egress && rule.key() == default_egress()[0]);
        there.retain(|rule| rule.description.is_some());
        let mut step = |make: fn(Rules) -> Action, decision, rules: Vec<Rule>, because| {
            if !rules.is_empty() {
                let all = Rules::new(&id, direction, rules);
                steps.push(Draft::because(make(all), decision, because));
            }
        };
        step(Action::Authorize, "authorize", rules, "a new group has no rules");
        step(Action::Describe, "update", there, "AWS's own rule has no description");
    }
    if spec.get("egress").is_some_and(Value::is_array) {
        steps.extend(replace_defaults(&Rule::list(spec.get("egress")), id));
    }
    steps
}

/// Declared egress takes the place of AWS's default.
fn replace_defaults(declared: &[Rule], id: String) -> Option<Draft<Action>> {
    let undeclared = |rule: &Rule| !declared.iter().any(|d| d.key() == *rule);
    let rules: Vec<Rule> = default_egress().into_iter().filter(undeclared).collect();
    let revoke = Action::Revoke(Rules::new(id, Direction::Egress, rules.clone()));
    (!rules.is_empty()).then(|| Draft::because(revoke, "revoke", "AWS starts a group with egress to everyone"))
}

/// What has to be done to the rules of one direction.
#[derive(Default)]
struct Work {
    authorize: Vec<(Rule, String)>,
    describe: Vec<(Rule, String)>,
    revoke: Vec<(Rule, String)>,
}

/// The steps that bring the rules to the declared ones: authorize, re-describe, revoke.
pub(super) fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Vec<Draft<Action>> {
    let (mut room, mut add, mut describe, mut remove) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for direction in Direction::BOTH {
        let mut work = sort(direction, spec, diffs);
        let early = make_room(direction, live, &mut work);
        let new: Vec<Rule> = work.authorize.iter().map(|(rule, _)| rule.clone()).collect();
        let step = |make: &dyn Fn(Rules) -> Action, decision, rules: Vec<(Rule, String)>| {
            let (rules, heals): (Vec<Rule>, Vec<String>) = rules.into_iter().unzip();
            let all = Rules::new(&live.id, direction, rules);
            (!heals.is_empty()).then(|| Draft::heal(make(all), decision, heals))
        };
        let replaced = |rules| Action::Revoke(Rules { after: new.clone(), ..rules });
        room.extend(step(&Action::Revoke, "revoke", early).map(|draft| Draft {
            because: "the quota leaves no room for the rules that are missing".to_owned(),
            ..draft
        }));
        add.extend(step(&Action::Authorize, "authorize", work.authorize));
        describe.extend(step(&Action::Describe, "update", work.describe));
        remove.extend(step(&replaced, "revoke", work.revoke));
    }
    room.into_iter().chain(add).chain(describe).chain(remove).collect()
}

/// Sorts the differences of a direction by what heals them. `N` in `/ingress/N` is the declared place.
fn sort(direction: Direction, spec: &Value, diffs: &[FieldDiff]) -> Work {
    let declared = spec.get(direction.field());
    let mut work = Work::default();
    for diff in diffs {
        let mut segments = holdfast_core::pointer::segments(&diff.path);
        if segments.next().as_deref() != Some(direction.field()) {
            continue;
        }
        let rule_of = |value: &Value| serde_json::from_value::<Rule>(value.clone()).ok();
        let place = segments.next().and_then(|n| declared?.get(n.parse::<usize>().ok()?));
        let (list, rule) = match (segments.next(), diff.change) {
            (Some(_), _) => (&mut work.describe, place.and_then(rule_of)),
            (None, Change::Added) => (&mut work.revoke, rule_of(&diff.live)),
            (None, _) => (&mut work.authorize, rule_of(&diff.desired)),
        };
        list.extend(rule.map(|rule| (rule, diff.path.clone())));
    }
    work
}

/// Takes out of `work.revoke` what has to go first because the quota has no room for both. As few as needed.
///
/// The account's quota is not known, but it is no less than what is there.
fn make_room(direction: Direction, live: &Observation, work: &mut Work) -> Vec<(Rule, String)> {
    let mut there = Rule::list(live.fields.get(direction.field()));
    let quota = RULES_PER_DIRECTION.max(weight(&there));
    let mut early = Vec::new();
    there.extend(work.authorize.iter().map(|(rule, _)| rule.clone()));
    while weight(&there) > quota && !work.revoke.is_empty() {
        let (rule, path) = work.revoke.remove(0);
        there.retain(|r| r.key() != rule.key());
        early.push((rule, path));
    }
    early
}

/// The steps that delete a group: rules that name other groups go first, so that groups which name each other can
/// go together.
pub(super) fn delete(live: &Observation) -> Vec<Draft<Action>> {
    let mut steps = Vec::new();
    for direction in Direction::BOTH {
        let mut rules = Rule::list(live.fields.get(direction.field()));
        rules.retain(|rule| rule.referenced_group_id.as_ref().is_some_and(|peer| *peer != live.id));
        if !rules.is_empty() {
            let revoke = Action::Revoke(Rules::new(&live.id, direction, rules));
            steps.push(Draft::because(revoke, "revoke", "AWS deletes no group that a rule names"));
        }
    }
    steps.push(Draft::because(Action::Delete { id: live.id.clone() }, "delete", ""));
    steps
}

/// What AWS makes of an action.
pub(super) fn predict(
    before: Option<&Observation>,
    action: &Action,
    mint: &mut Mint,
) -> Result<Option<Observation>, Refusal> {
    match action {
        Action::Create { group_name, description, vpc_id, tags } => {
            let fields = json!({ "groupName": group_name, "description": description, "vpcId": vpc_id });
            Ok(Some(created(fields, tags.clone(), mint)))
        }
        Action::Authorize(rules) => rewrite(before, rules, authorized),
        Action::Describe(rules) => rewrite(before, rules, |there, some| {
            for rule in there.iter_mut() {
                if let Some(new) = some.rules.iter().find(|new| new.key() == rule.key()) {
                    rule.description.clone_from(&new.description);
                }
            }
            Ok(())
        }),
        Action::Revoke(rules) => rewrite(before, rules, |there, some| {
            there.retain(|rule| !some.rules.iter().any(|gone| gone.key() == rule.key()));
            Ok(())
        }),
        Action::Retag(retag) => retag.predict(before),
        Action::Delete { id } => existing(before, id).map(|_| None),
    }
}

fn created(mut fields: Value, tags: Tags, mint: &mut Mint) -> Observation {
    let [everyone, _] = default_egress();
    fields["ingress"] = json!([]);
    fields["egress"] = json!([everyone.to_json()]);
    let (vpc, name) = (fields["vpcId"].clone(), fields["groupName"].clone());
    let named = identity(vpc.as_str().unwrap_or_default(), name.as_str().unwrap_or_default());
    let id = format!("sg-{}", mint.hex(17));
    let arn = mint.arn("ec2", &format!("security-group/{id}"));
    let mut group = common::settled(id, named, tags, fields);
    group.outputs.extend([("arn".to_owned(), arn.into()), ("groupName".to_owned(), name), ("vpcId".to_owned(), vpc)]);
    group
}

fn authorized(there: &mut Vec<Rule>, some: &Rules) -> Result<(), Refusal> {
    for rule in &some.rules {
        if !there.iter().any(|r| r.key() == rule.key()) {
            there.push(rule.clone());
        }
    }
    if weight(&*there) > RULES_PER_DIRECTION { Err(full(some.direction)) } else { Ok(()) }
}

/// The group with the rules of one direction rewritten, in AWS's own order.
fn rewrite(
    before: Option<&Observation>,
    some: &Rules,
    change: impl FnOnce(&mut Vec<Rule>, &Rules) -> Result<(), Refusal>,
) -> Result<Option<Observation>, Refusal> {
    let mut after = existing(before, &some.id)?.clone();
    let mut rules = Rule::list(after.fields.get(some.direction.field()));
    change(&mut rules, some)?;
    rules.sort();
    after.fields[some.direction.field()] = rules.iter().map(Rule::to_json).collect();
    Ok(Some(after))
}
