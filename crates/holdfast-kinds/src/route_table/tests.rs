//! What is refused, what is the same, what is done.

use super::RouteTable;
use super::plan::{Private, observation};
use super::seen::{Ours, Seen, ours};
use crate::cases;
use crate::common::Tags;
use holdfast_core::compare::compare;
use holdfast_core::facts::{Facts, Severity};
use holdfast_core::kind::{Context, Converge, Kind};
use holdfast_core::name::ResourceKey;
use holdfast_core::observe::Observation;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A table as AWS lists it: its routes with their origin and their state.
fn read(live: &Value, declared: &Value, tags: Tags) -> Observation {
    let mut declared = declared.clone();
    RouteTable::canonical(&mut declared);
    let seen = |route: &Value| {
        let mut route = route.clone();
        let members = route.as_object_mut().expect("a route is an object");
        let mut word =
            |key: &str| members.shift_remove(key).and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        let (origin, state) = (word("origin"), word("state"));
        Seen { route, origin, is_blackhole: state == "blackhole" }
    };
    let all = live["routes"].as_array().expect("a list").iter().map(seen).collect();
    let Ours { routes, came_with_it, .. } = ours(all, declared["routes"].as_array().map_or(&[][..], Vec::as_slice));
    let mut fields = live.clone();
    fields["routes"] = routes.into();
    let mut seen = observation("rtb-1".to_owned(), String::new(), tags, fields);
    let used = |text: &Value| text.as_str().map(|id| (id.to_owned(), format!("assoc-{id}")));
    let associations = live["subnetIds"].as_array().into_iter().flatten().filter_map(used).collect();
    seen.private = Private { associations, came_with_it, ..Private::default() }.to_json().into();
    seen
}

#[test]
fn the_table_of_cases_holds() {
    cases::check("RouteTable", &read);
}

fn mistakes(more: Value) -> Vec<String> {
    let mut spec = json!({ "vpcId": "vpc-1" });
    crate::common::overlay(&mut spec, more.as_object().expect("an object"));
    let spec = serde_json::from_value(spec).expect("it has the shape");
    RouteTable::validate(&spec).iter().map(|e| format!("{} {}", e.pointer, e.code)).collect()
}

#[test]
fn a_route_has_one_destination_and_one_target() {
    let routes = |routes: Value| mistakes(json!({ "routes": routes }));
    assert_eq!(routes(json!([{ "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": "${NatGateway/a.id}" }])), [""; 0]);
    assert_eq!(routes(json!([{}])), ["/routes/0 destination", "/routes/0 target"]);
    let two = json!([{ "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": "nat-1", "gatewayId": "igw-1" }]);
    assert_eq!(routes(two), ["/routes/0 target"]);
    let wrong = json!([{ "destinationCidrBlock": "::/0", "networkInterfaceId": "i-1" }, { "destinationIpv6CidrBlock": "any", "instanceId": "i-1" }]);
    assert_eq!(
        routes(wrong),
        [
            "/routes/0/destinationCidrBlock invalid-cidr",
            "/routes/0/networkInterfaceId invalid-id",
            "/routes/1/destinationIpv6CidrBlock invalid-cidr"
        ]
    );
    let twice = json!([{ "destinationCidrBlock": "10.1.0.0/16", "instanceId": "i-1" }, { "destinationCidrBlock": "10.1.2.3/16", "instanceId": "i-2" }]);
    assert_eq!(routes(twice), ["/routes/1 duplicate"]);
    assert_eq!(
        mistakes(json!({ "subnetIds": ["igw-1"], "propagatingVgws": ["igw-1"] })),
        ["/subnetIds/0 invalid-id", "/propagatingVgws/0 invalid-id"]
    );
}

/// What a plan would do about a table, as text.
fn steps(declared: &Value, live: &Value) -> Vec<String> {
    let (mut spec, live) = (declared.clone(), read(live, declared, BTreeMap::new()));
    RouteTable::canonical(&mut spec);
    let facts = Facts::new(RouteTable::FIELDS);
    let diffs = compare(&spec, &live.fields, None, None, &[], &facts);
    let key = ResourceKey::new("s", "RouteTable", "t");
    let context = Context { key: &key, tags: &BTreeMap::new() };
    let Converge::Change(steps) = RouteTable::converge(&spec, &live, &diffs, &context) else { panic!("a change") };
    steps.iter().map(|s| format!("{} {}", s.action, s.heals.join(" "))).collect()
}

fn to(destination: &str, target: (&str, &str)) -> Value {
    json!({ "destinationCidrBlock": destination, (target.0): target.1, "origin": "CreateRoute", "state": "active" })
}

#[test]
fn a_target_is_replaced_in_place_and_what_is_missing_comes_before_what_goes() {
    let declared = json!({ "vpcId": "vpc-1", "subnetIds": ["subnet-1"], "routes": [
        { "destinationCidrBlock": "0.0.0.0/0", "networkInterfaceId": "eni-1" }, { "destinationCidrBlock": "10.2.0.0/16", "vpcPeeringConnectionId": "pcx-1" } ] });
    let live = json!({ "vpcId": "vpc-1", "subnetIds": ["subnet-2"], "routes": [
        to("0.0.0.0/0", ("natGatewayId", "nat-1")), to("10.3.0.0/16", ("gatewayId", "igw-1")) ] });
    assert_eq!(
        steps(&declared, &live),
        [
            "re-route 0.0.0.0/0 to eni-1 /routes/0/networkInterfaceId /routes/0/natGatewayId",
            "route 10.2.0.0/16 to pcx-1 /routes/1",
            "remove the route 10.3.0.0/16 /routes/2",
            "associate subnet-1 /subnetIds/0",
            "disassociate subnet-2 /subnetIds/1",
        ]
    );
}

#[test]
fn a_local_route_that_was_led_elsewhere_is_restored_and_never_deleted() {
    let declared = json!({ "vpcId": "vpc-1", "routes": [] });
    let hijacked = json!({ "destinationCidrBlock": "10.0.0.0/16", "networkInterfaceId": "eni-1", "origin": "CreateRouteTable", "state": "active" });
    let live = json!({ "vpcId": "vpc-1", "subnetIds": [], "routes": [hijacked] });
    assert_eq!(steps(&declared, &live), ["restore the local route 10.0.0.0/16 /routes/0"]);
}

#[test]
fn a_route_that_leads_nowhere_says_so() {
    let route = |state: bool| Seen {
        route: to("0.0.0.0/0", ("natGatewayId", "nat-1")),
        origin: "CreateRoute".to_owned(),
        is_blackhole: state,
    };
    assert_eq!(ours(vec![route(true)], &[]).blackholes, ["0.0.0.0/0 to nat-1"]);
    assert!(ours(vec![route(false)], &[]).blackholes.is_empty());
}

#[test]
fn a_subnet_that_another_table_takes_over_is_not_let_go_of_before() {
    let (to, from) = ("subnet-1".to_owned(), Some("assoc-1".to_owned()));
    let mut actions = [
        super::Action::Associate { id: "rtb-2".to_owned(), target: to, from },
        serde_json::from_value(
            json!({ "do": "disassociate", "id": "rtb-1", "of": { "subnet-1": "assoc-1", "subnet-2": "assoc-2" } }),
        )
        .expect("it is one"),
    ];
    RouteTable::together(&mut actions);
    assert_eq!(actions[1].to_string(), "disassociate subnet-2");
}

#[test]
fn a_way_to_the_internet_that_nobody_declared_is_an_exposure() {
    let facts = Facts::new(RouteTable::FIELDS);
    let declared = json!({ "routes": [{ "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": "nat-1" }] });
    let severities = |routes: Value| -> Vec<(String, Severity)> {
        let diffs = compare(&declared, &json!({ "routes": routes }), None, None, &[], &facts);
        diffs.iter().map(|d| (d.path.clone(), RouteTable::severity(d))).collect()
    };
    let own = json!({ "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": "nat-1" });
    let more = severities(json!([own, { "destinationCidrBlock": "1.1.1.1/32", "gatewayId": "igw-1" }]));
    assert_eq!(more, [("/routes/1".to_owned(), Severity::Exposure)]);
    let instead = severities(json!([{ "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-1" }]));
    assert!(instead.contains(&("/routes/0/gatewayId".to_owned(), Severity::Exposure)), "{instead:?}");
    let other = severities(json!([own, { "destinationCidrBlock": "1.1.1.1/32", "gatewayId": "vgw-1" }]));
    assert_eq!(other, [("/routes/1".to_owned(), Severity::Functional)]);
}
