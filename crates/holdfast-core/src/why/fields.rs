//! Why one field is as it is.

use super::edit::{Become, accept, operation as operation_at};
use super::types::*;
use super::{Asked, Generation, overlaid, waits, within};
use crate::compare::is_blank;
use crate::facts::{Facts, Field, Scene, Shape};
use crate::ownership::Owned;
use crate::pointer::{covers, segments, unescape};
use crate::reference::{self, Worth};
use crate::status::{Change, FieldDiff, Phase};
use serde_json::Value;

/// The fields there is something to say of: differences, what is ignored, what was not read, what waits.
pub(super) fn noteworthy(asked: &Asked<'_>) -> Vec<String> {
    let mut paths: Vec<String> = asked.diffs().iter().map(|d| d.path.clone()).collect();
    paths.extend(asked.policy.ignore.iter().flatten().filter(|i| !i.path.contains('*')).map(|i| i.path.clone()));
    paths.extend(asked.status.owned.iter().map(|o| o.path.clone()));
    paths.extend(asked.sight().into_iter().flat_map(|s| s.unread.iter().cloned()));
    let top = asked.spec.as_object().into_iter().flatten();
    let open = top.filter(|(_, value)| !waits::references(asked, value).is_empty());
    paths.extend(open.map(|(name, _)| crate::pointer::join("", name)));
    let mut once = Vec::new();
    paths.retain(|p| {
        let new = !once.contains(p);
        once.push(p.clone());
        new
    });
    paths
}

/// One field, with all that is known of it.
pub(super) fn field(asked: &Asked<'_>, path: &str, whole: &[Wait]) -> FieldWhy {
    let facts = asked.facts;
    let at = Place { asked, path, facts };
    let declared = at.declared();
    let live = at.live(declared.as_ref());
    let mut waits_for = declared.as_ref().map_or_else(Vec::new, |d| waits::references(asked, &d.value));
    let (rule, owner) = at.rule(declared.as_ref(), &live, !waits_for.is_empty());
    // What these rules decide is no difference to anybody.
    let silent = matches!(rule, Rule::OwnedBy | Rule::Ignored | Rule::WriteOnly | Rule::UnreadIsAGap);
    let diff = at.diff().filter(|_| !silent);
    let heals = matches!(rule, Rule::DeclaredWins | Rule::DeclaredNoMore | Rule::CreateOnly | Rule::MissingIsMade);
    if rule == Rule::AwaitsApproval || (diff.is_some() && heals) {
        waits_for.extend(whole.iter().filter(|w| w.on.is_none()).cloned());
    }
    FieldWhy {
        path: path.to_owned(),
        default: at.default(),
        last_written: at.last_written().cloned().unwrap_or_default(),
        owner,
        rule,
        rule_text: rule.text().to_owned(),
        change: diff.map(|d| d.change),
        severity: diff.map_or_else(|| facts.severity(path), |d| d.severity),
        decision: decision(rule, diff).to_owned(),
        waits_for,
        edit: diff.and_then(|d| at.edit(d)),
        create_only: facts.any_above(path, |f| f.create_only),
        declared,
        live,
    }
}

/// What is done about a field, in the words of the drift report.
fn decision(rule: Rule, diff: Option<&FieldDiff>) -> &str {
    match diff {
        Some(diff) if !diff.decision.is_empty() => &diff.decision,
        None if rule == Rule::AwaitsApproval => "hold",
        _ => "none",
    }
}

/// The operation that makes the declaration say what is live at a difference.
pub(super) fn operation(asked: &Asked<'_>, diff: &FieldDiff) -> Option<PatchOp> {
    let by_stack = tag_key(&diff.path).is_some_and(|k| asked.stack_tags.contains_key(&k) && !own_tag(asked.spec, &k));
    write(asked, &diff.path, &accept(diff, by_stack)?)
}

fn write(asked: &Asked<'_>, path: &str, become_: &Become) -> Option<PatchOp> {
    operation_at(asked.document, asked.spec, "/spec", path, become_)
}

fn tag_key(path: &str) -> Option<String> {
    path.strip_prefix("/tags/").filter(|k| !k.contains('/')).map(unescape)
}

fn own_tag(spec: &Value, key: &str) -> bool {
    spec.get("tags").and_then(|t| t.get(key)).is_some()
}

/// A field of a resource that is asked about.
struct Place<'a> {
    asked: &'a Asked<'a>,
    path: &'a str,
    facts: &'a Facts,
}

impl Place<'_> {
    /// The difference that says most of it: one that covers it, else the first inside it.
    fn diff(&self) -> Option<&FieldDiff> {
        let diffs = self.asked.diffs();
        let covering = diffs.iter().find(|d| within(self.path, &d.path));
        covering.or_else(|| diffs.iter().find(|d| within(&d.path, self.path)))
    }

    fn any(&self, test: impl Fn(&Field) -> bool) -> bool {
        self.facts.any_above(self.path, test)
    }

    /// A secret, or an instruction that leaves nothing to read.
    fn is_uncompared(&self) -> bool {
        self.any(|f| f.sensitive || f.shape == Shape::WriteOnly)
    }

    fn declared(&self) -> Option<Declared> {
        let asked = self.asked;
        let (value, by_stack) = match asked.spec.pointer(self.path) {
            Some(value) => (value.clone(), false),
            None => (Value::from(asked.stack_tags.get(&tag_key(self.path)?)?.as_str()), true),
        };
        let generation = self.since(&value, by_stack);
        let (mut resolved, mut open) = (value.clone(), false);
        reference::fill(&mut resolved, &mut |r| {
            let target = r.target(&asked.key.stack);
            let worth = target.and_then(|(key, output)| (asked.peers)(&key)?.outputs.worth(output));
            open |= worth.is_none();
            worth.map_or(Worth::Open, Worth::Value)
        });
        let resolved = if open { self.last_written().cloned().unwrap_or_default() } else { resolved };
        Some(Declared { value, resolved, generation, by_stack })
    }

    /// The generation that declared this value first, without a break since.
    fn since(&self, value: &Value, by_stack: bool) -> u64 {
        let says = |g: &&Generation| {
            if by_stack {
                let key = tag_key(self.path).unwrap_or_default();
                return g.stack_tags.get(&key).map(String::as_str) == value.as_str() && !own_tag(&g.spec, &key);
            }
            // Items of a list may have moved, and are the same.
            let list = || {
                let (list, number) = self.path.rsplit_once('/')?;
                number.parse::<usize>().ok()?;
                g.spec.pointer(list)?.as_array()
            };
            g.spec.pointer(self.path) == Some(value) || list().is_some_and(|items| items.contains(value))
        };
        let unbroken = self.asked.generations.iter().take_while(says).last();
        unbroken.map_or(self.asked.generation, |g| g.generation)
    }

    fn last_written(&self) -> Option<&Value> {
        if self.is_uncompared() { None } else { self.asked.last_written?.pointer(self.path) }
    }

    /// The spec around it, for defaults that hang on other fields.
    fn scene(&self) -> Scene<'_> {
        let live = self.asked.live.or(self.asked.baseline).unwrap_or(&Value::Null);
        Scene { desired: self.asked.spec, live, facts: self.facts }
    }

    fn default(&self) -> Option<AwsDefault> {
        let (facts, scene) = (self.facts.at(self.path), self.scene());
        let value = facts.default_in(&scene)?.clone();
        Some(AwsDefault { value, source: facts.source_in(&scene).to_owned() })
    }

    fn is_unread(&self) -> bool {
        let status = self.asked.status;
        let unseen = status.last_observed_at.is_none() || status.phase == Phase::Unknown || !self.asked.is_planned();
        unseen || self.asked.sight().is_some_and(|s| s.unread.iter().any(|u| covers(u, self.path)))
    }

    fn live(&self, declared: Option<&Declared>) -> Live {
        let known = |value: Value| Live { value, known: true };
        let unknown = Live { value: Value::Null, known: false };
        if self.is_uncompared() || self.is_unread() {
            return unknown;
        }
        let diffs = self.asked.diffs();
        if let Some(around) = diffs.iter().find(|d| within(self.path, &d.path)) {
            return known(around.live.pointer(&self.path[around.path.len()..]).cloned().unwrap_or_default());
        }
        if let Some((owned, _)) = self.owned() {
            return known(owned.live.pointer(&self.path[owned.path.len()..]).cloned().unwrap_or_default());
        }
        if declared.is_some_and(|d| self.is_held_back(d)) {
            return known(self.last_written().cloned().unwrap_or_default());
        }
        let inside: Vec<&FieldDiff> = diffs.iter().filter(|d| within(&d.path, self.path)).collect();
        if !inside.is_empty() {
            let base = declared.map_or(Value::Null, |d| d.resolved.clone());
            return known(overlaid(base, self.path, &inside));
        }
        // Places in live lists are not the declared ones; what is declared and does not differ is live as declared.
        let in_list = segments(self.path).any(|s| s.parse::<usize>().is_ok());
        let seen = self.asked.live.filter(|_| self.asked.sight().is_some()).or(self.asked.baseline);
        match (seen, declared) {
            (Some(seen), None) => known(seen.pointer(self.path).cloned().unwrap_or_default()),
            (Some(seen), Some(_)) if !in_list && seen.pointer(self.path).is_some() => {
                known(seen.pointer(self.path).cloned().unwrap_or_default())
            }
            (_, Some(declared)) if declared.value.is_null() || !declared.resolved.is_null() => {
                known(declared.resolved.clone())
            }
            _ => unknown,
        }
    }

    /// The declaration, as the owner.
    fn ours(&self, declared: Option<&Declared>) -> Owner {
        let reason = match declared {
            Some(d) if d.by_stack => format!("The stack's tags declare it, since generation {}.", d.generation),
            Some(d) => format!("Generation {} declares it.", d.generation),
            None => self.around(),
        };
        Owner { who: Who::Holdfast, name: "Holdfast".to_owned(), reason, bounds: None, until: None }
    }

    fn rule(&self, declared: Option<&Declared>, live: &Live, waits: bool) -> (Rule, Owner) {
        let ours = || self.ours(declared);
        let reason = "It is not declared.".to_owned();
        let nobody = || Owner { who: Who::Nobody, name: String::new(), reason, bounds: None, until: None };
        // The status tells of what policy ignores as well, among what others own.
        if let Some(owner) = self.ignored() {
            return (Rule::Ignored, owner);
        }
        match (self.owned(), self.owner_of_tag()) {
            (Some((owned, owner)), _) if owned.left => return (Rule::OwnedBy, owner),
            // Outside the owner's bounds, the declaration counts after all.
            (Some((_, owner)), _) => return (Rule::DeclaredWins, owner),
            (None, Some(owner)) => return (Rule::OwnedBy, owner),
            (None, None) => {}
        }
        if self.is_uncompared() {
            return (Rule::WriteOnly, if declared.is_some() { ours() } else { nobody() });
        }
        match (self.diff().map(|d| (d, d.change)), declared) {
            _ if waits => (Rule::ReferenceWaits, ours()),
            (Some(_), _) if self.is_rolled_back() => (Rule::RolledBack, ours()),
            (Some((_, Change::Missing)), _) => (Rule::MissingIsMade, ours()),
            (Some((_, Change::Undeclared)), _) => (Rule::UndeclaredReported, nobody()),
            (Some((d, _)), _) if self.facts.any_above(&d.path, |f| f.create_only) => (Rule::CreateOnly, ours()),
            (Some((d, Change::Added)), None) if !d.last_written.is_null() => (Rule::DeclaredNoMore, ours()),
            (Some(_), _) => (Rule::DeclaredWins, ours()),
            (None, Some(d)) if self.is_held_back(d) => (Rule::AwaitsApproval, ours()),
            (None, _) if self.is_unread() => (Rule::UnreadIsAGap, if declared.is_some() { ours() } else { nobody() }),
            (None, Some(_)) => (Rule::DeclaredWins, ours()),
            (None, None) if is_blank(&live.value, self.facts.at(self.path), &self.scene()) => {
                (Rule::DefaultIsSilence, nobody())
            }
            (None, None) => (Rule::UndeclaredIsLeft, nobody()),
        }
    }

    /// Why something that is not declared by itself is ours to remove.
    fn around(&self) -> String {
        let mut around = self.path;
        while let Some((outer, _)) = around.rsplit_once('/') {
            around = outer;
            if !around.is_empty() && self.asked.spec.pointer(around).is_some_and(Value::is_array) {
                return format!("{around} is declared whole, and this is not in it.");
            }
        }
        "It was declared before.".to_owned()
    }

    /// Whoever was seen to own it, or what it lies in.
    fn owned(&self) -> Option<(&Owned, Owner)> {
        let owned = self.asked.status.owned.iter().find(|o| within(self.path, &o.path))?;
        let owner = Owner {
            who: Who::Live,
            name: owned.owner.clone(),
            reason: owned.why.clone(),
            bounds: owned.bounds,
            until: None,
        };
        Some((owned, owner))
    }

    /// True if the declared value is another one than what is carried out while approval is awaited.
    fn is_held_back(&self, declared: &Declared) -> bool {
        let before = self.last_written();
        self.asked.is_awaiting() && before.is_some_and(|before| *before != declared.resolved)
    }

    fn is_rolled_back(&self) -> bool {
        self.asked.rolled_back.is_some_and(|r| within(self.path, &r.path))
    }

    /// Who writes a tag that nobody declares.
    fn owner_of_tag(&self) -> Option<Owner> {
        let key = tag_key(self.path)?;
        let (name, reason) = if key.starts_with("aws:") {
            ("AWS", "AWS writes the tags that begin with aws: itself.")
        } else if key.starts_with("holdfast:") {
            ("Holdfast", "It says whose the thing is; Holdfast writes it when it creates or adopts.")
        } else {
            return None;
        };
        let (name, reason) = (name.to_owned(), reason.to_owned());
        Some(Owner { who: Who::Live, name, reason, bounds: None, until: None })
    }

    fn ignored(&self) -> Option<Owner> {
        let rules = self.asked.policy.ignore.iter().flatten();
        let now = self.asked.now;
        let rule = rules.filter(|i| i.until.is_none_or(|u| u.0 > now)).find(|i| covers(&i.path, self.path))?;
        Some(Owner {
            who: Who::Ignored,
            name: format!("policy.ignore {}", rule.path),
            reason: rule.reason.clone(),
            bounds: None,
            until: rule.until.map(|u| u.0),
        })
    }

    fn edit(&self, diff: &FieldDiff) -> Option<Edit> {
        let patch = vec![operation(self.asked, diff)?];
        let place = if diff.path.is_empty() { "all of it" } else { &diff.path };
        let says = match diff.change {
            Change::Undeclared => format!("Declare {place} as it is live, to have it kept so."),
            Change::Removed => format!("Do not declare {place} any more."),
            Change::Added | Change::Changed | Change::Missing => format!("Declare {place} as it is live."),
        };
        Some(Edit { says, patch })
    }
}
