//! The actions, when they are taken, and what AWS makes of them.

use super::route::{destination, is_local, target, without_target};
use super::{GATEWAYS, ROUTES, RouteTable, SUBNETS, VGWS};
use crate::common::{self, Retag, Tags, existing, one_line, text};
use crate::ec2;
use holdfast_core::kind::{Context, Draft, Kind, Mint, Refusal};
use holdfast_core::observe::Observation;
use holdfast_core::status::{Change, FieldDiff};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What can be done to a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "do")]
pub(crate) enum Action {
    /// Makes the table, with the routes of the VPC's own network.
    Create {
        /// The VPC's id.
        vpc_id: String,
        /// All tags, the owner's included.
        tags: Tags,
    },
    /// Adds a route.
    Route(To),
    /// Gives the route of a destination another target, without a gap.
    Reroute(To),
    /// Removes the route of a destination.
    Unroute(To),
    /// Gives a route that came with the table its own target again; AWS removes none of these.
    Restore(To),
    /// Makes a subnet or a gateway use the table.
    Associate {
        /// The table's id.
        id: String,
        /// The subnet's or the gateway's id.
        target: String,
        /// The association by which it uses another table.
        from: Option<String>,
    },
    /// Takes the table from subnets and gateways.
    Disassociate(Associations),
    /// The same, before the table is deleted.
    Strip(Associations),
    /// Lets a virtual private gateway add routes, or lets it no more.
    Propagate {
        /// The table's id.
        id: String,
        /// The gateway's id.
        gateway_id: String,
        /// Whether it may.
        may: bool,
    },
    /// Sets and removes tags.
    Retag(Retag),
    /// Deletes the table with its routes.
    Delete {
        /// The table's id.
        id: String,
    },
}

/// A route of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct To {
    /// The table's id.
    pub(super) id: String,
    /// The route in canonical form; where it is to be restored, the destination alone.
    pub(super) route: Value,
}

/// Associations of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Associations {
    /// The table's id.
    pub(super) id: String,
    /// Their ids, by that of the subnet or the gateway.
    pub(super) of: BTreeMap<String, String>,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = |to: &To| one_line(destination(&to.route).unwrap_or_default());
        let by = |to: &To| one_line(target(&to.route).unwrap_or_default());
        let names = |all: &Associations| one_line(&all.of.keys().cloned().collect::<Vec<_>>().join(", "));
        match self {
            Action::Create { vpc_id, .. } => write!(f, "create route table in {}", one_line(vpc_id)),
            Action::Route(route) => write!(f, "route {} to {}", to(route), by(route)),
            Action::Reroute(route) => write!(f, "re-route {} to {}", to(route), by(route)),
            Action::Unroute(route) => write!(f, "remove the route {}", to(route)),
            Action::Restore(route) => write!(f, "restore the local route {}", to(route)),
            Action::Associate { target, .. } => write!(f, "associate {}", one_line(target)),
            Action::Disassociate(all) if all.of.is_empty() => {
                write!(f, "leave its associations to the tables that take them")
            }
            Action::Disassociate(all) | Action::Strip(all) => write!(f, "disassociate {}", names(all)),
            Action::Propagate { gateway_id, may: true, .. } => {
                write!(f, "propagate routes of {}", one_line(gateway_id))
            }
            Action::Propagate { gateway_id, .. } => write!(f, "propagate no routes of {}", one_line(gateway_id)),
            Action::Retag(retag) => retag.fmt(f),
            Action::Delete { id } => write!(f, "delete route table {}", one_line(id)),
        }
    }
}

/// What a sweep keeps beside the fields, for the calls.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Private {
    /// Association ids, by subnet or gateway.
    pub(super) associations: BTreeMap<String, String>,
    /// Associations of declared subnets and gateways with other tables.
    pub(super) elsewhere: BTreeMap<String, String>,
    /// Destinations of routes that came with the table.
    pub(super) came_with_it: Vec<String>,
}

impl Private {
    fn of(live: &Observation) -> Self {
        Self::deserialize(&*live.private).unwrap_or_default()
    }

    /// As an observation keeps it.
    pub(super) fn to_json(&self) -> Value {
        // Maps with string keys; serializing them cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The texts of a list.
fn texts(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(|v| Some(v.as_str()?.to_owned())).collect()
}

/// The table, its routes, and last of all who uses it: nobody is to use half a table.
pub(super) fn create(spec: &Value, context: &Context<'_>) -> Vec<Draft<Action>> {
    let vpc_id = text(spec, "vpcId").unwrap_or_default().to_owned();
    let table = Action::Create { vpc_id, tags: context.tags.clone() };
    let mut steps = vec![Draft::because(table, "create", "it is missing")];
    let id = context.own("id");
    let routes = spec.get(ROUTES).and_then(Value::as_array).into_iter().flatten();
    for route in routes.filter(|route| !is_local(route)) {
        let to = To { id: id.clone(), route: route.clone() };
        steps.push(Draft::because(Action::Route(to), "update", "a new table has only the routes of its VPC"));
    }
    for gateway_id in texts(spec.get(VGWS)) {
        let propagate = Action::Propagate { id: id.clone(), gateway_id, may: true };
        steps.push(Draft::because(propagate, "update", "a new table takes routes from no gateway"));
    }
    for target in texts(spec.get(SUBNETS)).into_iter().chain(texts(spec.get(GATEWAYS))) {
        let associate = Action::Associate { id: id.clone(), target, from: None };
        steps.push(Draft::because(associate, "update", "nothing uses a new table"));
    }
    steps
}

/// One step a route, an association, a gateway: what is missing or wrong first, then what is too much.
pub(super) fn converge(spec: &Value, live: &Observation, diffs: &[FieldDiff]) -> Vec<Draft<Action>> {
    let private = Private::of(live);
    let (mut first, mut last) = (routes(spec, live, diffs, &private), Vec::new());
    first.sort_by_key(|step| matches!(step.action, Action::Unroute(_)));
    for diff in diffs.iter().filter(|diff| [SUBNETS, GATEWAYS, VGWS].contains(&field_of(&diff.path).as_str())) {
        let propagates = field_of(&diff.path) == VGWS;
        let added = diff.change == Change::Added;
        let side = if added { &diff.live } else { &diff.desired };
        let Some(target) = side.as_str().map(str::to_owned) else { continue };
        let id = live.id.clone();
        let action = match (propagates, added) {
            (true, _) => Action::Propagate { id, gateway_id: target, may: !added },
            (false, false) => {
                let from = private.elsewhere.get(&target).cloned();
                Action::Associate { id, target, from }
            }
            (false, true) => {
                let association = private.associations.get(&target).cloned().unwrap_or_default();
                Action::Disassociate(Associations { id, of: BTreeMap::from([(target, association)]) })
            }
        };
        let step = Draft::heal(action, "update", vec![diff.path.clone()]);
        if added { last.push(step) } else { first.push(step) }
    }
    first.into_iter().chain(last).collect()
}

fn field_of(path: &str) -> String {
    holdfast_core::pointer::segments(path).next().unwrap_or_default()
}

/// The steps for the routes, one each. `N` in `/routes/N` is the declared place.
fn routes(spec: &Value, live: &Observation, diffs: &[FieldDiff], private: &Private) -> Vec<Draft<Action>> {
    let mut by_place: BTreeMap<usize, Vec<&FieldDiff>> = BTreeMap::new();
    for diff in diffs {
        let mut segments = holdfast_core::pointer::segments(&diff.path);
        if segments.next().as_deref() == Some(ROUTES)
            && let Some(place) = segments.next().and_then(|n| n.parse().ok())
        {
            by_place.entry(place).or_default().push(diff);
        }
    }
    let step = |(place, diffs): (usize, Vec<&FieldDiff>)| {
        let heals = diffs.iter().map(|d| d.path.clone()).collect();
        let whole = diffs.iter().find(|d| d.path == format!("/{ROUTES}/{place}"));
        let to = |route: Value| To { id: live.id.clone(), route };
        let (action, word) = match whole.map(|d| (d.change, d)) {
            Some((Change::Added, diff)) => {
                let came = destination(&diff.live).is_some_and(|d| private.came_with_it.iter().any(|c| c == d));
                let action = match came {
                    true => Action::Restore(to(without_target(&diff.live))),
                    false => Action::Unroute(to(diff.live.clone())),
                };
                (action, "remove")
            }
            Some((_, diff)) => (Action::Route(to(diff.desired.clone())), "add"),
            None => (Action::Reroute(to(spec.get(ROUTES)?.get(place)?.clone())), "update"),
        };
        Some(Draft::heal(action, word, heals))
    };
    by_place.into_iter().filter_map(step).collect()
}

/// AWS deletes no table that something uses.
pub(super) fn delete(live: &Observation) -> Vec<Draft<Action>> {
    let of = Private::of(live).associations;
    let strip = Action::Strip(Associations { id: live.id.clone(), of: of.clone() });
    let strip = (!of.is_empty()).then(|| Draft::because(strip, "delete", "AWS deletes no table that something uses"));
    strip.into_iter().chain([Draft::because(Action::Delete { id: live.id.clone() }, "delete", "")]).collect()
}

/// What another table takes over in the same plan is not let go of before: in between, it would use the main table.
pub(super) fn together(actions: &mut [Action]) {
    let taken = |action: &Action| match action {
        Action::Associate { target, .. } => Some(target.clone()),
        _ => None,
    };
    let taken: BTreeSet<String> = actions.iter().filter_map(taken).collect();
    for action in actions {
        if let Action::Disassociate(all) = action {
            all.of.retain(|target, _| !taken.contains(target));
        }
    }
}

/// What AWS makes of an action.
pub(super) fn predict(
    before: Option<&Observation>,
    action: &Action,
    mint: &mut Mint,
) -> Result<Option<Observation>, Refusal> {
    let mut after = match action {
        Action::Create { vpc_id, tags } => return Ok(Some(made(vpc_id, tags, mint))),
        Action::Retag(retag) => return retag.predict(before),
        Action::Delete { .. } => return Ok(None),
        Action::Route(to) | Action::Reroute(to) | Action::Unroute(to) | Action::Restore(to) => {
            existing(before, &to.id)?
        }
        Action::Disassociate(all) | Action::Strip(all) => existing(before, &all.id)?,
        Action::Associate { id, .. } | Action::Propagate { id, .. } => existing(before, id)?,
    }
    .clone();
    let mut private = Private::of(&after);
    match action {
        Action::Route(to) | Action::Reroute(to) => put(&mut after.fields, ROUTES, to.route.clone()),
        Action::Unroute(to) | Action::Restore(to) => take(&mut after.fields, ROUTES, &to.route),
        Action::Associate { target, .. } => {
            put(&mut after.fields, used_by(target), target.clone().into());
            private.elsewhere.remove(target);
            private.associations.insert(target.clone(), format!("rtbassoc-{}", mint.hex(17)));
        }
        Action::Disassociate(all) | Action::Strip(all) => {
            for target in all.of.keys() {
                take(&mut after.fields, used_by(target), &target.clone().into());
                private.associations.remove(target);
            }
        }
        Action::Propagate { gateway_id, may: true, .. } => put(&mut after.fields, VGWS, gateway_id.clone().into()),
        Action::Propagate { gateway_id, .. } => take(&mut after.fields, VGWS, &gateway_id.clone().into()),
        Action::Create { .. } | Action::Retag(_) | Action::Delete { .. } => {}
    }
    after.private = private.to_json().into();
    Ok(Some(after))
}

/// The field that names what uses a table.
fn used_by(target: &str) -> &'static str {
    if target.starts_with("subnet-") { SUBNETS } else { GATEWAYS }
}

/// True if two items of a list are of the same destination, or the same text.
fn is_same(one: &Value, other: &Value) -> bool {
    match (destination(one), destination(other)) {
        (None, None) => one == other,
        (one, other) => one == other,
    }
}

fn put(fields: &mut Value, list: &str, item: Value) {
    take(fields, list, &item);
    if let Some(items) = fields.get_mut(list).and_then(Value::as_array_mut) {
        items.push(item);
    }
}

fn take(fields: &mut Value, list: &str, item: &Value) {
    let Some(fields) = fields.as_object_mut() else { return };
    if let Value::Array(items) = fields.entry(list).or_insert_with(|| json!([])) {
        items.retain(|there| !is_same(there, item));
    }
}

fn made(vpc_id: &str, tags: &Tags, mint: &mut Mint) -> Observation {
    let (id, arn) = ec2::mint(mint, "route-table", "rtb-");
    observation(id, arn, tags.clone(), json!({ "vpcId": vpc_id, ROUTES: [], SUBNETS: [], GATEWAYS: [], VGWS: [] }))
}

/// A table that is settled.
pub(super) fn observation(id: String, arn: String, tags: Tags, mut fields: Value) -> Observation {
    RouteTable::canonical(&mut fields);
    let vpc = fields.get("vpcId").cloned().unwrap_or_default();
    let mut seen = common::settled(id, String::new(), tags, fields);
    seen.outputs.extend(Map::from_iter([("arn".to_owned(), arn.into()), ("vpcId".to_owned(), vpc)]));
    seen
}
