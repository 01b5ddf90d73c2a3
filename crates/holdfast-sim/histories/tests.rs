//! What the histories themselves must hold to: that a seed says all, that a broken law is found and made small, and a few
//! plans of each sort. The many are run by `cargo xtask sim`.

use crate::boundary::Place;
use crate::history::{Edit, History, Step};
use crate::many::{judged, run_all, shrunk};
use crate::material::Material;
use crate::plans::{self, Death, Sort};
use crate::run::run;
use crate::scenario::Scenario;
use holdfast_engine::Boundary;
use holdfast_sim::laws::same_trace;
use std::collections::BTreeSet;

fn material() -> Material {
    Material::read().expect("the examples can be read")
}

/// Seeds that broke a law once, by what was found: they are run for ever.
const FOUND: [(u64, &str); 39] = [
    (147, "what a list had shown and another copy of it did not was made twice"),
    (163, "a revision was registered under a family that policy did not let go"),
    (4686, "a replacement whose answer was lost stayed when its declaration went back"),
    (6404, "the same of a security group, over a death and a pause"),
    (9948, "a create without a name was made again while AWS would not tell single things of its kind"),
    (10449, "a rule's description that stood there while nobody declared the rules was taken for AWS's own"),
    (25315, "of a replacement whose answer was lost the old one, seen again, ended the wait for the new one"),
    (45805, "what was made a moment ago and removed was taken for gone because a read went back in time"),
    (68, "a step was journalled for a generation that was no longer declared"),
    (30228, "what was replaced stayed because a volume was called as it was"),
    (30506, "what was replaced and came back was called in sync while its replacement still stood beside it"),
    (32260, "a task waited for a secret that its database never has"),
    (35537, "what was made and hidden was made again after its name had changed"),
    (46914, "the same after the place that it stands in had changed"),
    (58089, "what had taken another's place was replaced once more because a read showed the other one"),
    (109357, "a cluster whose resource was renamed while a service lived in it could neither go nor be taken over"),
    (115961, "a stranger's revision bore our family"),
    (342363, "what a family was called before stayed, because a read showed it as it was before its last revision"),
    (359409, "the same, after a rename"),
    (1_011_203, "what a list had hidden was called gone, for nobody asked for it by the handle that it had had"),
    (1_050_633, "what had been shown and was hidden again a moment after its creation was called gone, and forgotten"),
    (1_069_873, "what takes no tags and was to be as before, while its replacement stood, was called somebody else's"),
    (1_075_058, "a cluster went under its new name while a service named it by its own"),
    (1_095_179, "the same, and it was declared anew"),
    (1_118_014, "a cluster took another key and another name at once, and a service named it as it was called before"),
    (1_141_539, "what somebody had set was called taken back by AWS, and nobody declared anything else"),
    (1_176_220, "a revision that a read had hidden stayed when the family changed in that moment"),
    (1_260_310, "the same, after a death"),
    (1_321_371, "what may have been made under another name was made again, while AWS did not tell of that name"),
    (2_048_633, "what somebody had put into a rule before the first look at it was called in sync"),
    (2_049_134, "the same, over a death"),
    (2_131_881, "a load balancer took another name while it was protected, and nobody lifted that"),
    (2_143_012, "what may have been taken over was made a second time under another name"),
    (3_005_823, "a value that AWS had taken back was set by somebody else, and was held for taken back still"),
    (3_008_689, "a service was declared into a cluster by the name that it had no more"),
    (
        5_639_676,
        "what told of the address that was replaced was taken for the one in its place, which was made again when hidden",
    ),
    (5_700_697, "a revision was taken over while another one, made a moment before under another name, was hidden"),
    (
        7_631_320,
        "a gateway no longer declared its network, stayed in the one that was replaced, and nobody let go of it",
    ),
    (20_086_295, "a task definition that was registered by halves left its predecessor"),
];

#[test]
fn what_was_found_once_is_not_found_again() {
    let material = material();
    for (seed, what) in FOUND {
        for follows in [false, true] {
            let history = History { follows, ..History::of(seed, &material) };
            assert_eq!(judged(&history, &material).broken, [], "seed {seed}, {follows}: {what}");
        }
    }
}

#[test]
fn a_seed_leaves_the_same_trace_each_time_and_step_by_step() {
    let material = material();
    for seed in [3, 64, 147] {
        let mut traces = Vec::new();
        for _ in 0..2 {
            let mut told = Vec::new();
            let history = History::of(seed, &material);
            run(&history, &material, Some(&mut |step, trace| told.push((step.to_owned(), trace)))).expect("it runs");
            traces.push(told);
        }
        assert_eq!(traces[0], traces[1], "seed {seed}");
        assert!(traces[0].len() > 8);
    }
    let trace = |seed| judged(&History::of(seed, &material), &material).trace;
    assert_eq!(same_trace(1, trace(1), trace(2)).len(), 1, "another seed leaves another trace");
}

#[test]
fn many_seeds_keep_every_law_and_see_every_kind() {
    let sums = run_all((0, 60), None, 2, 10, 1).expect("they run");
    assert_eq!(sums.broken, []);
    assert_eq!((sums.seeds, sums.replayed), (60, 6));
    assert!(sums.kinds.len() >= 15, "{:?}", sums.kinds);
    assert!(sums.deaths > 5 && sums.checks > sums.steps);
}

#[test]
fn a_history_that_breaks_a_law_becomes_small() {
    let material = material();
    let mut history = History::of(3, &material);
    let steps = [Step::Pass(1), Step::Wait(5), Step::Edit(Edit::Tags, 1), Step::Fail, Step::Pass(1), Step::Reconcile];
    history.steps = steps.into_iter().enumerate().collect();
    let before = history.start.resources.len();
    let (small, gone) = shrunk(&history, "run", &material);
    assert_eq!(small.steps, [(3, Step::Fail)]);
    assert_eq!(small.start.resources.len(), before - gone.len());
    assert!(small.start.resources.len() == 1 || before == 1, "{gone:?}");
}

#[test]
fn a_place_where_a_process_dies_is_each_of_those_that_there_are() {
    let material = material();
    let all = Scenario::all(&material, "create Vpc", false);
    let vpc = all.iter().find(|s| s.name == "create Vpc").expect("there is one");
    let mut places = BTreeSet::new();
    for place in 0..40 {
        let ended = plans::plan(vpc, &material, &[Death { place, late: place % 2 == 1 }], None);
        assert!(ended.is_lawful(), "at {place}: {ended:?}");
        places.extend(ended.place().map(|p| format!("{p:?}")));
    }
    for place in [
        Place::Engine(Boundary::BeforeIntent),
        Place::Engine(Boundary::AfterIntent),
        Place::Sent,
        Place::Applied,
        Place::Engine(Boundary::AfterAct),
        Place::Engine(Boundary::AfterOutcome),
        Place::Engine(Boundary::BeforeEnd),
    ] {
        assert!(places.contains(&format!("{place:?}")), "{place:?} is not among {places:?}");
    }
}

#[test]
fn there_are_scenarios_of_every_kind_and_sort() {
    let material = material();
    let all = Scenario::all(&material, "", false);
    for kind in material.registry.iter().filter(|k| !k.lookup()).map(|k| k.name()) {
        for what in ["create", "delete", "adopt", "update"] {
            let is = |s: &&Scenario| s.name.starts_with(what) && s.name.ends_with(&format!(" {kind}"));
            assert!(all.iter().any(|s| is(&s)), "{what} of {kind}");
        }
    }
    assert!(all.iter().filter(|s| s.is_stack()).count() >= 10);
    let told: Vec<&str> = all.iter().map(|s| s.name.as_str()).filter(|name| name.contains(" told of ")).collect();
    assert_eq!(told.len(), 13, "every change of the table is one there and one back, or what others do: {told:?}");
    let crashes = plans::run_all(Sort::Crashes { stride: 9 }, 2, "create KeyPair").expect("they run");
    assert_eq!(crashes.broken, []);
    assert!(crashes.single > 10 && crashes.late > 0 && crashes.pairs > 0, "{crashes:?}");
    let answers = plans::run_all(Sort::Answers, 2, "create KeyPair").expect("they run");
    assert_eq!(answers.broken, []);
    assert!(answers.lost.contains(&("KeyPair", "create".to_owned())));
}
