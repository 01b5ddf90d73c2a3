use crate::{Transcript, a_box, a_lid};
use serde_json::json;

#[test]
fn references_that_lead_nowhere_say_where_they_might_lead() {
    let mut all = Transcript::default();
    all.stack(
        "all of them",
        json!([
            a_box("front-door", json!({})),
            a_lid("a", json!({ "boxId": "${Box/frontdoor.id}" })),
            a_lid("b", json!({ "boxId": "${Box/front-door.idd}" })),
            a_lid("c", json!({ "boxId": "${Bx/front-door.id}" })),
            a_lid("d", json!({ "boxId": "${shoop:Box/front-door.id}" })),
            a_lid("e", json!({ "boxId": "${Lid/front-door.id}" })),
            a_lid("f", json!({ "boxId": "${Box/front-door}" })),
            a_lid("g", json!({ "boxId": "x ${Box/front-door.id" })),
            a_lid("h", json!({ "boxId": "${}" })),
            a_lid("i", json!({ "boxId": "${Box/zebra.id}" })),
            a_lid("j", json!({ "boxId": "$${Box/zebra.id}" })),
            a_lid("k", json!({ "boxId": "${shop:Box/front-door.volume}" })),
        ]),
    );
    all.stack("a kind with nothing declared", json!([a_lid("a", json!({ "boxId": "${Box/x.id}" }))]));
    insta::assert_snapshot!(all.text());
}

#[test]
fn an_output_that_the_other_one_never_has_is_refused() {
    let mut all = Transcript::default();
    let sized =
        |size: u8| json!([a_box("a", json!({ "size": size })), a_lid("l", json!({ "boxId": "${Box/a.volume}" }))]);
    all.stack("a box that is too small", sized(1)).stack("a larger one", sized(2));
    insta::assert_snapshot!(all.text());
}

#[test]
fn circles_are_refused_where_nothing_can_be_filled_in_later() {
    let mut all = Transcript::default();
    all.stack(
        "a box and a lid that are cut from each other",
        json!([a_box("a", json!({ "lidId": "${Lid/a.id}" })), a_lid("a", json!({ "cutFrom": "${Box/a.id}" })),]),
    )
    .stack(
        "the same, with the box put on later",
        json!([a_box("a", json!({ "lidId": "${Lid/a.id}" })), a_lid("a", json!({ "boxId": "${Box/a.id}" })),]),
    )
    .stack("a lid of its own", json!([a_lid("a", json!({ "cutFrom": "${Lid/a.id}" }))]))
    .stack("a lid on itself, later", json!([a_lid("a", json!({ "boxId": "${Lid/a.id}" }))]))
    .stack(
        "a long way round, and one beside it",
        json!([
            a_box("x", json!({ "lidId": "${Lid/b.id}" })),
            a_lid("a", json!({ "cutFrom": "${Lid/b.id}" })),
            a_lid("b", json!({ "cutFrom": "${Lid/c.id}", "boxId": "${Box/x.id}" })),
            a_lid("c", json!({ "cutFrom": "on ${Lid/a.id}" })),
            a_lid("d", json!({ "cutFrom": "${Lid/a.id}" })),
        ]),
    );
    insta::assert_snapshot!(all.text());
}

#[test]
fn rules_across_resources_see_the_other_one() {
    let mut all = Transcript::default();
    let with_slot = |slot: &str| {
        json!([
            a_box("a", json!({ "slots": [{ "name": "left" }] })),
            a_lid("a", json!({ "boxId": "${Box/a.id}", "slot": slot }))
        ])
    };
    all.stack("a slot that is there", with_slot("left")).stack("a slot that is not", with_slot("right"));
    let mut wider = with_slot("right");
    wider[1]["spec"]["widht"] = json!(3);
    all.stack("the same beside a field that nobody knows", wider);
    insta::assert_snapshot!(all.text());
}

#[test]
fn two_resources_cannot_own_one_thing() {
    let mut all = Transcript::default();
    all.stack("by name", json!([a_box("a", json!({ "boxName": "same" })), a_box("b", json!({ "boxName": "same" }))]))
        .stack(
            "by reference",
            json!([
                a_box("a", json!({})),
                a_lid("a", json!({ "boxId": "${Box/a.id}" })),
                a_lid("b", json!({ "boxId": "${Box/a.id}" })),
                a_lid("c", json!({ "boxId": "${Box/a.arn}" })),
            ]),
        );
    let mut elsewhere = a_box("b", json!({ "boxName": "same" }));
    elsewhere["metadata"]["region"] = json!("eu-west-2");
    all.stack("in two regions", json!([a_box("a", json!({ "boxName": "same" })), elsewhere]));
    insta::assert_snapshot!(all.text());
}

#[test]
fn mistakes_of_all_kinds_come_together() {
    let mut all = Transcript::default();
    let mut bad_label = a_box("b", json!({}));
    bad_label["metadata"]["labels"] = json!({ "x": 5, "y": [] });
    bad_label["extra"] = json!(1);
    let mut unreadable = a_box("c", json!({}));
    unreadable["spec"] = json!("none");
    all.stack(
        "with one that could be read",
        json!([
            bad_label,
            a_box("a", json!({ "size": 0, "lidId": "${Lid/no.id}" })),
            a_lid("l", json!({ "boxId": "${Box/b.id}" }))
        ]),
    )
    .stack(
        "with one that could not",
        json!([unreadable, a_lid("l", json!({ "boxId": "${Box/c.id}", "width": "wide" }))]),
    );
    insta::assert_snapshot!(all.text());
}
