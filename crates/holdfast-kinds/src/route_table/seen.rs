//! What a table shows of its routes, and what of that is ours.

use super::route::{DESTINATIONS, ENDPOINT, GATEWAY, INSTANCE, INTERFACE, canonical, destination, is_local, target};
use serde_json::Value;

/// A route as AWS lists it.
pub(super) struct Seen {
    /// Its members, under the names of the spec.
    pub(super) route: Value,
    /// What made it: `CreateRouteTable`, `CreateRoute`, `EnableVgwRoutePropagation`, `Advertisement`.
    pub(super) origin: String,
    /// True if its target is not there.
    pub(super) is_blackhole: bool,
}

/// What of a table's routes is ours.
#[derive(Default)]
pub(super) struct Ours {
    /// The routes, in canonical form.
    pub(super) routes: Vec<Value>,
    /// Destinations of routes that came with the table: AWS deletes none of them, and can put them back.
    pub(super) came_with_it: Vec<String>,
    /// Routes that lead nowhere, in words.
    pub(super) blackholes: Vec<String>,
}

/// Sorts out what others make: local routes, those of gateway endpoints and of VPC Lattice, and propagated ones. All but
/// the last are ours where they are declared; a propagated route stands beside a declared one of the same destination.
pub(super) fn ours(seen: Vec<Seen>, declared: &[Value]) -> Ours {
    let mut ours = Ours::default();
    for Seen { mut route, origin, is_blackhole } in seen {
        canonical(&mut route);
        if origin == "EnableVgwRoutePropagation" || origin == "Advertisement" {
            continue;
        }
        let Some(to) = destination(&route).map(str::to_owned) else { continue };
        let wanted = declared.iter().find(|d| destination(d) == Some(to.as_str()));
        if wanted.is_none() && (is_local(&route) || is_of_gateway_endpoint(&route) || is_of_lattice(&route)) {
            continue;
        }
        one_of_instance_and_interface(&mut route, wanted);
        if origin == "CreateRouteTable" {
            ours.came_with_it.push(to.clone());
        }
        if is_blackhole {
            ours.blackholes.push(format!("{to} to {}", target(&route).unwrap_or("what is gone")));
        }
        ours.routes.push(route);
    }
    ours
}

/// A gateway endpoint puts its route into every table that it is associated with.
fn is_of_gateway_endpoint(route: &Value) -> bool {
    route.get(DESTINATIONS[2]).is_some() && route.get(ENDPOINT).is_some()
}

/// True for a route that VPC Lattice puts into the tables of a VPC that is associated with a service network, and takes
/// out again. Nobody else can make one.
fn is_of_lattice(route: &Value) -> bool {
    route.get(GATEWAY).and_then(Value::as_str) == Some("VpcLattice")
}

/// AWS shows an instance's interface beside the instance: of both, the one that is declared counts.
fn one_of_instance_and_interface(route: &mut Value, wanted: Option<&Value>) {
    let by_instance = wanted.is_some_and(|w| w.get(INSTANCE).is_some());
    let (counts, other) = if by_instance { (INSTANCE, INTERFACE) } else { (INTERFACE, INSTANCE) };
    if let Some(members) = route.as_object_mut().filter(|members| members.contains_key(counts)) {
        members.shift_remove(other);
    }
}
