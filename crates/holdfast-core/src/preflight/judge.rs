//! Turns AWS's answer into findings.

use super::{Finding, Level, Mention, Need, Preflight, Questions, Subject, Thing, Unread};
use crate::name::{ResourceKey, Scope};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be known, the worst first.
pub fn judge(questions: &Questions, answer: &Preflight, scope: &Scope) -> Vec<Finding> {
    let absent = |m: &&Mention| answer.missing.get(&m.thing).is_some_and(|ids| ids.contains(&m.id));
    let mut findings: Vec<Finding> =
        questions.mentions.iter().filter(absent).map(|mention| missing(mention, scope)).collect();
    findings.extend(too_many(questions, answer));
    findings.extend(used_up(questions, answer, scope));
    findings.extend(answer.unread.iter().map(|unread| not_told(unread, questions)));
    findings.sort_by(|a, b| (a.level, &a.key, &a.pointer).cmp(&(b.level, &b.key, &b.pointer)));
    findings
}

fn missing(mention: &Mention, scope: &Scope) -> Finding {
    let (noun, id) = (mention.thing.noun(), &mention.id);
    let place = match mention.thing {
        // IAM knows no regions.
        Thing::Role | Thing::InstanceProfile => format!("the account {}", scope.account),
        _ => scope.to_string(),
    };
    let message = format!(
        "there is no {noun} {id} in {place}, or these credentials may not see it. Correct it, make it first, or declare \
         it and refer to it."
    );
    Finding::of(Level::Error, &mention.key, &mention.pointer, message)
}

/// Lists that are longer than each thing may have.
fn too_many(questions: &Questions, answer: &Preflight) -> Vec<Finding> {
    let over = |(key, need): &(ResourceKey, Need)| {
        let (pointer, room) = (need.each.as_ref()?, answer.quotas.get(need.quota)?);
        (need.amount > room.max).then(|| {
            let message = format!(
                "{} are declared, and this account's quota {} allows {}. Declare fewer, or ask AWS for more (Service Quotas).",
                need.amount, need.quota, room.max
            );
            Finding::of(Level::Error, key, pointer, message)
        })
    };
    questions.needs.iter().filter_map(over).collect()
}

/// Quotas of the account that have too little room for what the plan makes, or just enough.
fn used_up(questions: &Questions, answer: &Preflight, scope: &Scope) -> Vec<Finding> {
    let mut sums: BTreeMap<&str, (u64, &ResourceKey, u64)> = BTreeMap::new();
    for (key, need) in questions.needs.iter().filter(|(_, need)| need.each.is_none()) {
        let sum = sums.entry(need.quota).or_insert((0, key, 0));
        (sum.0, sum.2) = (sum.0 + need.amount, sum.2 + 1);
    }
    let full = |(quota, (amount, first, resources)): (&str, (u64, &ResourceKey, u64))| {
        let room = answer.quotas.get(quota)?;
        let whose = match resources {
            1 => format!("{first} needs"),
            n => format!("{first} and {} more need", n - 1),
        };
        let used = format!("{} of {} are used", room.used, room.max);
        let level = match (room.used + amount).cmp(&room.max) {
            std::cmp::Ordering::Less => return None,
            std::cmp::Ordering::Equal => Level::Warning,
            std::cmp::Ordering::Greater => Level::Error,
        };
        let message = match level {
            Level::Error => format!(
                "the quota {quota} of {scope} is too small: {used}, and {whose} {amount}. Ask AWS for more (Service \
                 Quotas), or free some."
            ),
            _ => format!(
                "the quota {quota} of {scope} is full after this plan: {used}, and {whose} {amount}. Ask AWS for more \
                 (Service Quotas) in time."
            ),
        };
        Some(Finding::of_scope(level, message))
    };
    sums.into_iter().filter_map(full).collect()
}

fn not_told(unread: &Unread, questions: &Questions) -> Finding {
    let message = match unread.of {
        Subject::Thing(thing) => {
            let ids: Vec<&str> = questions.asked.things.get(&thing).into_iter().flatten().map(String::as_str).collect();
            let named: BTreeSet<String> =
                questions.mentions.iter().filter(|m| m.thing == thing).map(|m| m.key.to_string()).collect();
            let by = match named.first() {
                Some(first) if named.len() > 1 => format!("{first} and {} more", named.len() - 1),
                Some(first) => first.clone(),
                None => "the declarations".to_owned(),
            };
            let which = match ids.as_slice() {
                [one] => format!("the {} {one}", thing.noun()),
                [first, rest @ ..] => format!("{} ids such as the {} {first}", rest.len() + 1, thing.noun()),
                [] => format!("the {}", thing.noun()),
            };
            format!("it is not known whether {which}, named by {by}, is there: {}", unread.reason)
        }
        Subject::Quotas(service) => {
            format!("it is not known whether the quotas of {service} have room: {}", unread.reason)
        }
    };
    Finding::of_scope(Level::Unknown, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preflight::{Asked, Room};

    fn asked() -> Questions {
        let key = |name: &str| ResourceKey::new("shop", "Box", name);
        let mention = |name: &str, pointer: &str, thing, id: &str| Mention {
            key: key(name),
            pointer: pointer.to_owned(),
            thing,
            id: id.to_owned(),
        };
        let mentions = vec![
            mention("b", "/role", Thing::Role, "arn:aws:iam::123456789012:role/web"),
            mention("a", "/subnets/1", Thing::Subnet, "subnet-12345678"),
            mention("b", "/subnets/0", Thing::Subnet, "subnet-12345678"),
        ];
        let mut asked = Asked::default();
        for m in &mentions {
            asked.things.entry(m.thing).or_default().insert(m.id.clone());
        }
        let needs = vec![
            (key("a"), Need::much("rds:AllocatedStorage", 40)),
            (key("b"), Need::each("ec2:groups", 6, "/groups")),
        ];
        Questions { asked, mentions, needs }
    }

    fn told(answer: &Preflight) -> Vec<String> {
        let findings = judge(&asked(), answer, &Scope::new("prod", "eu-west-1"));
        let key = |f: &Finding| f.key.as_ref().map(ToString::to_string).unwrap_or_default();
        findings.iter().map(|f| format!("{:?} {} {}: {}", f.level, key(f), f.pointer, f.message)).collect()
    }

    #[test]
    fn each_place_that_names_what_is_missing_is_told_by_pointer_and_the_worst_comes_first() {
        let missing = BTreeMap::from([
            (Thing::Subnet, BTreeSet::from(["subnet-12345678".to_owned()])),
            (Thing::Role, BTreeSet::from(["arn:aws:iam::123456789012:role/web".to_owned()])),
        ]);
        let rest = "or these credentials may not see it. Correct it, make it first, or declare it and refer to it.";
        let quotas = BTreeMap::from([("rds:AllocatedStorage", Room { max: 100, used: 60 })]);
        let expected = [
            format!("Error shop/Box/a /subnets/1: there is no subnet subnet-12345678 in prod/eu-west-1, {rest}"),
            format!("Error shop/Box/b /role: there is no IAM role arn:aws:iam::123456789012:role/web in the account prod, {rest}"),
            format!("Error shop/Box/b /subnets/0: there is no subnet subnet-12345678 in prod/eu-west-1, {rest}"),
            "Warning  : the quota rds:AllocatedStorage of prod/eu-west-1 is full after this plan: 60 of 100 are used, and \
             shop/Box/a needs 40. Ask AWS for more (Service Quotas) in time."
                .to_owned(),
        ];
        assert_eq!(told(&Preflight { missing, quotas, ..Preflight::default() }), expected);
    }

    #[test]
    fn a_list_that_is_longer_than_one_thing_may_have_is_told_at_its_place() {
        let quotas =
            |max| Preflight { quotas: BTreeMap::from([("ec2:groups", Room { max, used: 0 })]), ..Preflight::default() };
        assert_eq!(told(&quotas(6)), [] as [String; 0]);
        let words = "6 are declared, and this account's quota ec2:groups allows 5. Declare fewer, or ask AWS for more (Service Quotas).";
        assert_eq!(told(&quotas(5)), [format!("Error shop/Box/b /groups: {words}")]);
    }

    #[test]
    fn what_was_not_told_is_unknown_and_names_who_asked() {
        let unread = |of| Unread { of, reason: "ec2:DescribeSubnets: UnauthorizedOperation".to_owned() };
        let answer = Preflight { unread: vec![unread(Subject::Thing(Thing::Subnet))], ..Preflight::default() };
        let words = "it is not known whether the subnet subnet-12345678, named by shop/Box/a and 1 more, is there: \
                     ec2:DescribeSubnets: UnauthorizedOperation";
        assert_eq!(told(&answer), [format!("Unknown  : {words}")]);
    }
}
