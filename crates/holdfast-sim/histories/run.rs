//! Runs a history, and holds the laws against every step of it.

use crate::boundary::{Gate, Late};
use crate::draft::{Draft, Drafts, SECRET};
use crate::history::{Edit, History, Step};
use crate::material::{Material, STACK};
use crate::person;
use crate::scene::Scene;
use crate::sight::Sight;
use crate::watch::{Calm, Watch, clinging, ended, secret};
use crate::weather::{self, Owner};
use anyhow::{Result, bail};
use holdfast_engine::{PassError, PassReport};
use holdfast_sim::laws::{self, Violation};
use holdfast_sim::{Fault, FaultRule, LiveThing, Tamper};
use holdfast_store::{Event, EventType};
use jiff::SignedDuration;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What a history came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The hash over all that happened.
    pub(crate) trace: u64,
    /// Laws that were broken, at the step of that number.
    pub(crate) broken: Vec<(usize, Violation)>,
    /// Write calls, passes, checks of the laws.
    pub(crate) writes: u64,
    pub(crate) passes: u64,
    pub(crate) checks: u64,
    /// Processes that died.
    pub(crate) deaths: u64,
    pub(crate) kinds: std::collections::BTreeSet<String>,
}

/// What is told of each step of a history, with the trace after it.
pub(crate) type Tell<'t> = Option<&'t mut dyn FnMut(&str, u64)>;

/// The step of a violation that was found when all steps were done.
pub(crate) const END: usize = usize::MAX;

/// So many virtual hours after the last fault everything is as declared.
const BOUND: SignedDuration = SignedDuration::from_hours(24);

/// A call that has not come to AWS by then never does: its connection is gone.
const ON_ITS_WAY: Duration = Duration::from_secs(300);

/// So many writes of a step are told.
const MOST_TOLD: usize = 40;

struct Run<'m> {
    material: &'m Material,
    scene: Scene,
    drafts: Drafts,
    watch: Watch,
    told: Told,
    owners: Vec<Owner>,
    rivals: Vec<(LiveThing, Tamper)>,
    squatters: Vec<(LiveThing, String)>,
    /// Calls of processes that died, on their way to AWS.
    late: Vec<(Instant, Late)>,
    /// How many times a person has helped in the end.
    helps: usize,
    /// The newest call that was told.
    shown: u64,
    /// What somebody else has done in this step.
    note: String,
    /// What was told of what is declared.
    said: BTreeMap<String, Value>,
    stormy: bool,
    calm: Calm,
    /// See [`History::follows`].
    follows: bool,
}

/// Runs a history in a time of its own.
pub(crate) fn run(history: &History, material: &Material, mut tell: Tell<'_>) -> Result<Told> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let scene = Scene::new(&material.registry, history.seed, history.on_disk)?;
        let drafts = Drafts::new(history);
        let (watch, told) = (Watch::default(), Told::default());
        let (owners, rivals, squatters, late) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (helps, shown, note, said) = (0, 0, String::new(), BTreeMap::new());
        let (stormy, calm) = (false, Calm::No);
        let mut run = Run {
            material,
            scene,
            drafts,
            watch,
            told,
            owners,
            rivals,
            squatters,
            late,
            helps,
            shown,
            note,
            said,
            stormy,
            calm,
            follows: history.follows,
        };
        let first = run.drafts.now.clone();
        run.scene.declare_draft(&first, material)?;
        for (number, step) in &history.steps {
            run.watch.begin(!matches!(step, Step::Pass(_) | Step::Die(..) | Step::Restart));
            run.step(step).await?;
            run.scene.forget_gone()?;
            run.hold(*number)?;
            if let Some(tell) = &mut tell {
                let what = format!("{}{}{}", run.sky(step), run.declared(), run.details());
                tell(&format!("{number:>3} {step:?}{what}"), run.scene.sim.trace_hash());
            }
            if !run.told.broken.is_empty() {
                return Ok(run.end());
            }
        }
        run.last(tell).await?;
        Ok(run.end())
    })
}

impl Run<'_> {
    fn end(mut self) -> Told {
        self.told.trace = self.scene.sim.trace_hash();
        (self.told.writes, self.told.checks) = (self.watch.writes, self.watch.checks);
        self.told.kinds = self.scene.keys.iter().map(|k| k.kind.clone()).collect();
        self.told
    }

    /// What a change of weather has brought, or a person at the console has done.
    fn sky(&mut self, step: &Step) -> String {
        let mut text = std::mem::take(&mut self.note);
        if matches!(step, Step::Weather(_)) {
            self.scene.sim.change_faults(|faults| text = format!("\n        {faults:?}"));
        }
        text
    }

    /// What is declared otherwise than when this was told last, line by line.
    fn declared(&mut self) -> String {
        let now: BTreeMap<String, Value> =
            self.scene.declared.iter().map(|(key, d)| (key.to_string(), d.told())).collect();
        let before = std::mem::replace(&mut self.said, now);
        let mut text = String::new();
        for key in before.keys().filter(|key| !self.said.contains_key(*key)) {
            let _ = write!(text, "\n        {key} is gone");
        }
        for (key, now) in &self.said {
            let old = before.get(key).unwrap_or(&Value::Null);
            let fields = now.as_object().into_iter().flatten().filter(|(name, value)| old.get(*name) != Some(*value));
            let mut said: Vec<String> = fields.map(|(name, value)| format!("{name} {value}")).collect();
            let went = old.as_object().into_iter().flatten().filter(|(name, _)| now.get(*name).is_none());
            said.extend(went.map(|(name, _)| format!("no {name}")));
            if !said.is_empty() {
                let _ = write!(text, "\n        {key}: {}", said.join(", "));
            }
        }
        text
    }

    /// The writes of a step, and what went wrong meanwhile, line by line.
    fn details(&mut self) -> String {
        let mut text = String::new();
        let calls = self.scene.sim.calls_since(self.shown);
        self.shown = calls.last().map_or(self.shown, |call| call.number);
        for call in calls.iter().filter(|call| call.write).take(MOST_TOLD) {
            let effects: Vec<String> = call.effects.iter().map(ToString::to_string).collect();
            let (at, operation, ending) = (call.at, &call.operation, &call.ending);
            let _ = write!(text, "\n        {at} {operation} {ending:?}: {}", effects.join(", "));
        }
        text
    }

    /// Holds the laws against what a step has left.
    fn hold(&mut self, number: usize) -> Result<()> {
        let mut broken = self.watch.check(&self.scene, self.calm)?;
        broken.extend(self.scene.sim.bystanders_touched());
        self.told.broken.extend(broken.into_iter().map(|violation| (number, violation)));
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<()> {
        if !matches!(step, Step::Pass(_)) {
            self.calm = Calm::No;
        }
        match step {
            Step::Edit(edit, roll) => self.edit(*edit, *roll)?,
            Step::During(edit, roll, place) => self.during(*edit, *roll, *place).await?,
            Step::Remove => self.scene.remove()?,
            Step::Weather(roll) => {
                let faults = weather::faults(*roll, &self.scene);
                self.scene.sim.change_faults(|f| *f = faults);
                // How long AWS may take to show something cannot be told by a clock that jumps.
                let jumped = self.scene.skewed(0);
                self.scene.wait(jumped.abs()).await;
                self.stormy = true;
            }
            Step::Clear => self.clear(),
            Step::Tamper(roll) => {
                if let Some((thing, tamper)) = weather::tamper(*roll, &self.scene, self.material) {
                    self.note = format!("\n        {} {} {tamper:?}", thing.kind, thing.observation.id);
                    let _ = self.scene.sim.tamper(&self.scene.scope, thing.kind, &thing.observation.id, tamper);
                }
            }
            Step::Owner(roll) => match self.owners.pop() {
                Some(owner) if roll % 2 == 0 => owner.end(&self.scene),
                other => {
                    self.owners.extend(other);
                    self.owners.extend(Owner::begin(*roll, &self.scene));
                }
            },
            Step::Rival(roll) if roll % 3 == 0 => self.squatters.extend(weather::squatter(*roll, &self.scene)),
            Step::Rival(roll) => {
                let change = weather::tamper(*roll, &self.scene, self.material);
                self.rivals.extend(change.filter(|(_, tamper)| matches!(tamper, Tamper::Set(..) | Tamper::SetTag(..))));
            }
            Step::Die(place, passes) => self.die(*place, *passes).await?,
            Step::Restart => self.scene.start(&Gate::open())?,
            Step::Pause => self.scene.pause(true)?,
            Step::Resume => self.scene.pause(false)?,
            Step::Reconcile => self.reconcile()?,
            Step::Skew(_) if self.stormy => {}
            Step::Skew(seconds) => {
                self.scene.skewed(*seconds);
                let refuses = seconds.unsigned_abs() == 1200;
                let rule = refuses.then(|| FaultRule::always(Fault::WrongClock));
                self.scene.sim.change_faults(|f| f.rules.extend(rule));
            }
            Step::Pass(times) => {
                for _ in 0..*times {
                    self.pass().await;
                }
            }
            Step::Wait(seconds) => self.scene.wait(*seconds).await,
            #[cfg(test)]
            Step::Fail => bail!("it was to fail"),
        }
        Ok(())
    }

    fn edit(&mut self, edit: Edit, roll: u64) -> Result<()> {
        if edit == Edit::Refused {
            // A document that tells a secret is refused, and the refusal does not repeat it.
            let said = self.drafts.now.with_a_secret().check(self.material);
            match said {
                Ok(_) => bail!("a secret in the open was accepted"),
                Err(said) if said.contains(SECRET) => bail!("a refusal repeats a secret: {said}"),
                Err(_) => return Ok(()),
            }
        }
        if let Some((drafts, accepted)) = self.drafts.next(edit, roll, self.material) {
            self.scene.declare(accepted)?;
            self.drafts = drafts;
        }
        Ok(())
    }

    /// Something is declared while a pass is at a place.
    async fn during(&mut self, edit: Edit, roll: u64, place: u64) -> Result<()> {
        let gate = Gate::at(place);
        self.scene.start(&gate)?;
        let Some(engine) = self.scene.engine.clone() else { return Ok(()) };
        let scope = self.scene.scope.clone();
        let mut pass = std::pin::pin!(engine.pass(&scope));
        let early = wait_for(&gate, pass.as_mut()).await;
        self.edit(edit, roll)?;
        gate.opens();
        self.told.passes += 1;
        if early.is_none() {
            let _ = pass.await;
        }
        Ok(())
    }

    /// A process dies at a place; what it had sent may come to AWS later.
    async fn die(&mut self, place: u64, passes: usize) -> Result<()> {
        let gate = Gate::at(place);
        self.scene.start(&gate)?;
        let scope = self.scene.scope.clone();
        for _ in 0..passes {
            let Some(engine) = self.scene.engine.clone() else { return Ok(()) };
            let mut pass = std::pin::pin!(engine.pass(&scope));
            self.told.passes += 1;
            if wait_for(&gate, pass.as_mut()).await.is_none() {
                break;
            }
            self.scene.wait(2).await;
        }
        self.told.deaths += u64::from(gate.is_reached());
        // What was on its way is lost, or comes to AWS when another process has looked already.
        let late = gate.late().into_iter().filter(|_| place % 2 == 1);
        self.late.extend(late.map(|late| (Instant::now(), late)));
        self.scene.start(&Gate::open())
    }

    async fn pass(&mut self) -> Option<PassReport> {
        for (thing, tamper) in &self.rivals {
            let _ = self.scene.sim.tamper(&self.scene.scope, thing.kind, &thing.observation.id, tamper.clone());
        }
        self.told.passes += 1;
        let follows = self.follows && self.told.passes.is_multiple_of(2);
        let passed: Result<PassReport, PassError> =
            if follows { self.scene.follow_up().await } else { self.scene.pass().await };
        let report = passed.ok();
        let late = std::mem::take(&mut self.late).into_iter().filter(|(sent, _)| sent.elapsed() < ON_ITS_WAY);
        for (_, late) in late {
            late.arrive(&self.scene.sim).await;
        }
        let quiet = report.as_ref().is_some_and(|r| r.planned == 0 && !r.blind && r.whole);
        let alone = self.rivals.is_empty() && self.owners.is_empty();
        self.calm = if quiet && alone && !self.stormy { Calm::Yes } else { Calm::No };
        report
    }

    fn clear(&mut self) {
        self.scene.sim.change_faults(|f| *f = Default::default());
        self.rivals.clear();
        self.stormy = false;
    }

    fn reconcile(&self) -> Result<()> {
        if let Some(engine) = &self.scene.engine {
            engine.forgive(STACK)?;
        }
        Ok(())
    }

    /// Nothing goes wrong any more, everybody else goes home, and a person declares what AWS can do: then it is reached
    /// within the bound, and stays so in silence.
    async fn last(&mut self, tell: Tell<'_>) -> Result<()> {
        self.clear();
        for owner in std::mem::take(&mut self.owners) {
            owner.end(&self.scene);
        }
        for (thing, id) in std::mem::take(&mut self.squatters) {
            let _ = self.scene.sim.tamper(&self.scene.scope, thing.kind, &id, Tamper::Delete);
        }
        self.sweep_up();
        for thing in self.scene.sim.live(&self.scene.scope) {
            let works = Tamper::Health(holdfast_core::observe::Health::Healthy);
            let _ = self.scene.sim.tamper(&self.scene.scope, thing.kind, &thing.observation.id, works);
        }
        self.scene.skewed(0);
        self.scene.pause(false)?;
        self.scene.start(&Gate::open())?;
        self.put_back()?;
        self.scene.wait(7400).await;
        self.watch.begin(true);
        let began = self.scene.now();
        while !self.is_reached()? && self.scene.now().duration_since(began) < BOUND {
            self.helped()?;
            for _ in 0..12 {
                let report = self.pass().await;
                self.watch.begin(true);
                self.scene.forget_gone()?;
                self.hold(END)?;
                person::unprotects(&self.scene)?;
                if person::lets_go(&self.scene, &mut self.drafts, self.material)? {
                    self.put_back()?;
                }
                let next = report.and_then(|r| r.next).map_or(60, |wait| wait.as_secs() + 1);
                self.scene.wait(i64::try_from(next).unwrap_or(60)).await;
                if !self.told.broken.is_empty() || self.is_reached()? {
                    break;
                }
            }
            if !self.told.broken.is_empty() {
                break;
            }
            self.scene.wait(900).await;
        }
        if self.told.broken.is_empty() {
            self.stays().await?;
        }
        if let Some(tell) = tell {
            tell(&format!("the end{}{}", self.declared(), self.details()), self.scene.sim.trace_hash());
        }
        Ok(())
    }

    /// What was left behind on purpose is deleted by whoever wanted to keep it.
    fn sweep_up(&self) {
        // Only a person lifts the protection of what is to go.
        for thing in self.scene.sim.live(&self.scene.scope) {
            person::unprotect(&self.scene, &thing);
        }
        let declared = |uid: &str| self.scene.declared.values().any(|d| d.uid == uid);
        for thing in self.scene.sim.live(&self.scene.scope) {
            if thing.observation.owner_uid().is_some_and(|uid| !declared(uid)) {
                let _ = self.scene.sim.tamper(&self.scene.scope, thing.kind, &thing.observation.id, Tamper::Delete);
            }
        }
    }

    /// A person puts back what AWS cannot change in place.
    fn put_back(&mut self) -> Result<()> {
        let live = self.scene.sim.live(&self.scene.scope);
        for (thing, place) in clinging(&self.scene, &live)? {
            let _ = self.scene.sim.tamper(&self.scene.scope, thing.kind, &thing.observation.id, Tamper::Remove(place));
        }
        self.helps += 1;
        let sight = Sight::of(&self.scene, &live)?;
        let fits = |draft: &Draft, resource: &Value| sight.fits(&draft.variables, resource);
        let last = self.drafts.last(self.helps.min(3), self.material, fits);
        self.scene.declare_draft(&last, self.material)
    }

    /// What a person does who looks at what is left: another try, and a word on so much drift at once.
    fn helped(&mut self) -> Result<()> {
        self.put_back()?;
        self.reconcile()?;
        let now = self.scene.now();
        let until = now.saturating_add(SignedDuration::from_hours(1)).unwrap_or(now);
        let event = Event::new(now, EventType::Operated, "DriftConfirmed", "a person has looked at it");
        self.scene.store()?.confirm_drift([&self.scene.scope], until, &event)?;
        Ok(())
    }

    /// True if all that is to stay is live as declared, and all that is to go is gone.
    fn is_reached(&self) -> Result<bool> {
        let live = self.scene.sim.live(&self.scene.scope);
        let going = self.scene.declared.values().any(|d| d.fate != holdfast_core::plan::Fate::Keep);
        Ok(!going && laws::reached(&Sight::of(&self.scene, &live)?.told()).is_empty())
    }

    async fn stays(&mut self) -> Result<()> {
        let live = self.scene.sim.live(&self.scene.scope);
        let mut broken = laws::reached(&Sight::of(&self.scene, &live)?.told());
        let going = self.scene.declared.iter().filter(|(_, d)| d.fate != holdfast_core::plan::Fate::Keep);
        broken.extend(going.map(|(key, d)| Violation::new("V3", format!("{key} is still there: {:?}", d.fate))));
        // What the last pass did may still want a look.
        for _ in 0..3 {
            self.pass().await;
            self.scene.wait(60).await;
        }
        self.scene.forget_gone()?;
        let quiet_since = self.scene.sim.newest_call();
        for _ in 0..3 {
            self.scene.wait(60).await;
            self.pass().await;
        }
        broken.extend(laws::silent(&self.scene.sim.calls_since(quiet_since), quiet_since));
        broken.extend(ended(&self.scene)?);
        broken.extend(secret(&self.scene)?);
        self.told.broken.extend(broken.into_iter().map(|violation| (END, violation)));
        self.hold(END)
    }
}

/// Polls a pass until it stands at the gate; what it answered, if it ended before.
pub(crate) async fn wait_for<T>(gate: &Arc<Gate>, mut pass: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    loop {
        if let std::task::Poll::Ready(answer) = futures::poll!(pass.as_mut()) {
            return Some(answer);
        }
        if gate.is_reached() {
            return None;
        }
        // A pass that waits for a budget goes on when time does.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}
