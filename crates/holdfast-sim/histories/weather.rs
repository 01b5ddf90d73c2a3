//! What goes wrong, and what others do: drawn from a number, within what AWS really does.

use crate::material::{Material, STACK};
use crate::scene::Scene;
use holdfast_core::cloud::ErrorClass;
use holdfast_core::kind::AnyKind;
use holdfast_core::name::{RESOURCE_TAG, ResourceKey, UID_TAG};
use holdfast_core::observe::{Health, LiveState};
use holdfast_core::ownership::Bounds;
use holdfast_sim::owners::{Autoscaler, Place, Shift, forget, roll_back};
use holdfast_sim::{Allowance, Dice, Fault, FaultRule, Faults, Hidden, LiveThing, Settle, Tamper, WhileBusy};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// A whole set of faults.
pub(crate) fn faults(roll: u64, scene: &Scene) -> Faults {
    let mut dice = Dice::new(roll);
    let mut faults = Faults::default();
    for _ in 0..=dice.below(2) {
        let per_mille = *dice.of(&[10, 100, 300, 1000]).unwrap_or(&100);
        let mut rule = FaultRule::always(fault(&mut dice)).per_mille(per_mille);
        if let (0, Some(key)) = (dice.below(2), dice.of(&scene.keys.iter().collect::<Vec<_>>())) {
            rule = rule.kind(&key.kind);
        }
        faults.rules.push(rule);
    }
    let seconds = |dice: &mut Dice, list: &[i64]| SignedDuration::from_secs(*dice.of(list).unwrap_or(&0));
    faults.stale = seconds(&mut dice, &[0, 0, 0, 3, 20, 120, 300]);
    faults.unseen = seconds(&mut dice, &[0, 0, 0, 5, 45, 300]);
    faults.jitter = SignedDuration::from_secs(300) - faults.stale;
    if dice.below(3) > 0 {
        faults.jitter = SignedDuration::ZERO;
    }
    let lasts = seconds(&mut dice, &[0, 0, 3, 45, 600, 7200]);
    if !lasts.is_zero() {
        let writes = *dice.of(&[WhileBusy::Accepted, WhileBusy::Refused]).unwrap_or(&WhileBusy::Refused);
        faults.settle = vec![Settle { kind: None, lasts, state: "modifying".to_owned(), writes }];
    }
    if dice.below(5) == 0 {
        let part =
            *dice.of(&["Describe", "Create", "Modify", "ec2:", "ecs:", "elasticloadbalancing:"]).unwrap_or(&"Create");
        faults.allowances = vec![Allowance::new(part, 1 + dice.below(10) as u32, 0.2)];
    }
    if dice.below(4) == 0 {
        let classes = [ErrorClass::Transient, ErrorClass::Throttled, ErrorClass::Denied, ErrorClass::Lost];
        let class = *dice.of(&classes).unwrap_or(&ErrorClass::Lost);
        faults.rules.push(FaultRule::always(Fault::Half(class)).per_mille(300));
    }
    faults
}

fn fault(dice: &mut Dice) -> Fault {
    let fail = |class, code: &str| Fault::Fail { class, code: code.to_owned(), message: "it is not to be".to_owned() };
    match dice.below(16) {
        0 => fail(ErrorClass::Transient, "InternalError"),
        1 => fail(ErrorClass::Rejected, "InvalidParameterValue"),
        2 => fail(ErrorClass::Denied, "AccessDenied"),
        3 => fail(ErrorClass::Quota, "LimitExceeded"),
        4 => fail(ErrorClass::Conflict, "DependencyViolation"),
        5 => Fault::Gap(Hidden::All),
        6 | 7 => Fault::Gap(Hidden::PerMille(500)),
        8 | 9 => Fault::Throttle,
        10 => Fault::WrongClock,
        11 => Fault::NoEntry("User: x is not authorized to perform: sts:AssumeRole".to_owned()),
        12 => Fault::Panic,
        _ => Fault::LoseAnswer,
    }
}

/// What a person at the console does to a live thing, as far as AWS lets them; none where it would not.
pub(crate) fn tamper(roll: u64, scene: &Scene, material: &Material) -> Option<(LiveThing, Tamper)> {
    let mut dice = Dice::new(roll);
    let live = scene.sim.live(&scene.scope);
    // Not all kinds have tags that would tell.
    let theirs = |t: &LiveThing| t.observation.id.contains(THEIRS);
    let settled = |t: &&LiveThing| matches!(t.observation.state, LiveState::Settled) && !theirs(t);
    let live: Vec<&LiveThing> = live.iter().filter(settled).collect();
    let thing = *dice.of(&live)?;
    let kind = scene.registry.get(thing.kind)?;
    let tamper = match dice.below(6) {
        0 => Tamper::Act(kind.delete(&thing.observation).into_iter().next()?.action.json),
        1 => Tamper::SetTag("env".to_owned(), "theirs".to_owned()),
        2 => Tamper::RemoveTag("env".to_owned()),
        3 if dice.below(4) == 0 => Tamper::Health(Health::Degraded("it does not answer".to_owned())),
        // What stands in a thing at the first sight of it is AWS's own, whoever has put it there.
        _ if is_unseen(scene, thing) => return None,
        _ => changed(&mut dice, kind, thing, material)?,
    };
    Some((thing.clone(), tamper))
}

/// True if nobody has looked at it since it was made.
fn is_unseen(scene: &Scene, thing: &LiveThing) -> bool {
    let memories = scene.store().ok().and_then(|store| store.memories(&scene.scope).ok()).unwrap_or_default();
    let of = |key: &ResourceKey| thing.observation.owner_resource() == Some(&key.to_string());
    memories.iter().any(|(key, memory)| memory.created_unseen.is_some() && of(key))
}

/// Another value for a field that AWS can change in place.
fn changed(dice: &mut Dice, kind: &dyn AnyKind, thing: &LiveThing, material: &Material) -> Option<Tamper> {
    let fields = thing.observation.fields.as_object()?;
    let names: Vec<&String> = fields.keys().filter(|f| !material.is_create_only(kind.name(), f)).collect();
    for _ in 0..4 {
        let field = (*dice.of(&names)?).clone();
        let mut other = thing.observation.fields.clone();
        let Some(value) = material.other(kind.name(), &other, &field, dice) else { continue };
        other[&field] = value.clone();
        // What the kind would refuse, AWS would refuse as well; references are not live.
        if kind.validate(&other).is_empty() && !value.to_string().contains("${") {
            return Some(Tamper::Set(format!("/{field}"), value));
        }
    }
    None
}

/// Whoever else owns a field for a while.
pub(crate) enum Owner {
    Scaler(Place),
    Deployment(Box<Shift>, Value),
    RolledBack(Place),
}

impl Owner {
    /// Somebody takes over what the number says; none where there is nothing to take over.
    pub(crate) fn begin(roll: u64, scene: &Scene) -> Option<Self> {
        let mut dice = Dice::new(roll);
        let live = scene.sim.live(&scene.scope);
        let first = |kind: &str| live.iter().find(|t| t.kind == kind);
        let service = first("Service")?;
        let place = |kind: &'static str, thing: &LiveThing, path: &'static str| Place {
            scope: scene.scope.clone(),
            kind,
            name: thing.observation.id.clone(),
            path,
        };
        match dice.below(3) {
            0 => {
                let place = place("Service", service, "/desiredCount");
                service.observation.fields.get("desiredCount")?;
                let bounds = Bounds { min: 1, max: 2 + dice.below(20) as i64 };
                Autoscaler { place: place.clone(), bounds }.begin(&scene.sim).ok()?;
                Some(Self::Scaler(place))
            }
            1 => {
                let listener = first("Listener")?;
                let groups = live.iter().filter(|t| t.kind == "TargetGroup").map(|t| t.observation.id.clone());
                let runs = service.observation.fields.get("taskDefinition")?.clone();
                let shift = Shift {
                    place: place("Service", service, "/taskDefinition"),
                    traffic: place("Listener", listener, "/defaultActions"),
                    among: groups.collect(),
                    marker: ":targetgroup/".to_owned(),
                };
                shift.begin(&scene.sim, json!("web:77")).ok()?;
                Some(Self::Deployment(Box::new(shift), runs))
            }
            _ => {
                let place = place("Service", service, "/taskDefinition");
                let before = service.observation.fields.get("taskDefinition")?.clone();
                roll_back(&scene.sim, &place, before, &["/desiredCount"]).ok()?;
                Some(Self::RolledBack(place))
            }
        }
    }

    /// They let go of it.
    pub(crate) fn end(self, scene: &Scene) {
        // Whose thing is gone has nothing to let go of.
        let place = match self {
            Self::Scaler(place) => place,
            Self::Deployment(shift, runs) => {
                let back = Tamper::Set("/taskDefinition".to_owned(), runs);
                let _ = scene.sim.tamper(&shift.place.scope, shift.place.kind, &shift.place.name, back);
                let _ = shift.end(&scene.sim);
                shift.place
            }
            Self::RolledBack(place) => {
                let _ = forget(&scene.sim, &place);
                place
            }
        };
        let none = Tamper::Owned(Box::default());
        let _ = scene.sim.tamper(&place.scope, place.kind, &place.name, none);
    }
}

/// A part of the ids of things of another controller's.
const THEIRS: &str = "-theirs-";

/// A thing of another controller's, of the identity that one of ours would have.
pub(crate) fn squatter(roll: u64, scene: &Scene) -> Option<(LiveThing, String)> {
    let mut dice = Dice::new(roll);
    let live = scene.sim.live(&scene.scope);
    let thing = dice.of(&live)?;
    // What lives in a thing of ours goes with it when a person deletes that.
    scene.registry.get(thing.kind).filter(|kind| kind.container().is_none())?;
    let mut theirs = (*thing.observation).clone();
    let id = format!("{}{THEIRS}{}", theirs.id, roll % 1000);
    theirs.identity = format!("{}{THEIRS}{}", theirs.identity, roll % 1000);
    theirs.id.clone_from(&id);
    let fields = theirs.fields.as_object_mut().into_iter().flat_map(|fields| fields.values_mut());
    for value in fields.chain(theirs.outputs.values_mut()) {
        match value.as_str() {
            Some(own) if own == thing.observation.id => *value = json!(id),
            Some(own) if own == thing.observation.identity => *value = json!(theirs.identity),
            _ => {}
        }
    }
    // What actions take of ours, such as older revisions, is nothing of theirs.
    theirs.private = Value::Null.into();
    theirs.tags_mut().insert(UID_TAG.to_owned(), format!("theirs-{}", roll % 1000));
    theirs.tags_mut().insert(RESOURCE_TAG.to_owned(), format!("other-{STACK}/{}/it", thing.kind));
    scene.sim.bystander(&scene.scope, thing.kind, theirs).ok()?;
    Some((thing.clone(), id))
}
