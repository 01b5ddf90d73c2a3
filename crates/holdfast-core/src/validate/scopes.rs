//! Accounts and regions.

use super::{AcceptedAccount, Batch, DEFAULT_ACCOUNT, Sight};
use crate::document::{AccountDocument, AccountSpec, Document, Read};
use crate::problem::{SpecError, clip, did_you_mean};

/// AWS's regions, for the hint only: a region that is newer than this list is taken as well.
const REGIONS: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// The words that regions are made of between the continent and the number.
const DIRECTIONS: &[&str] =
    &["central", "east", "north", "northeast", "northwest", "south", "southeast", "southwest", "west"];

/// True if the text has the form of a region: `eu-west-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let (first, partition, direction, number) = match parts.as_slice() {
        [first, direction, number] => (first, "", direction, number),
        [first, partition, direction, number] => (first, *partition, direction, number),
        _ => return false,
    };
    let letters = |s: &str| s.bytes().all(|b| b.is_ascii_lowercase());
    (2..=4).contains(&first.len())
        && letters(first)
        && (partition.is_empty() || partition == "gov" || partition.starts_with("iso") && letters(partition))
        && DIRECTIONS.contains(direction)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_digit())
}

fn bad_region(region: &str, pointer: &str) -> SpecError {
    let near = did_you_mean(region, REGIONS.iter().copied());
    let message = format!("\"{}\" is no AWS region.{near} A region looks like eu-west-1.", clip(region, 60));
    SpecError::new(pointer, "bad-region", message)
}

impl Batch<'_> {
    pub(super) fn take_accounts(&mut self, documents: &[Read]) {
        for read in documents {
            if let Document::Account(account) = &read.document {
                self.check_account_document(account, &format!("{}/spec", read.pointer));
                self.accounts.push(AcceptedAccount {
                    name: account.metadata.name.clone(),
                    labels: account.metadata.labels.clone(),
                    spec: account.spec.clone(),
                });
            }
        }
    }

    fn check_account_document(&mut self, account: &AccountDocument, pointer: &str) {
        let (name, spec) = (&account.metadata.name, &account.spec);
        for (index, region) in spec.regions.iter().enumerate() {
            if !is_region(region) {
                self.errors.push(bad_region(region, &format!("{pointer}/regions/{index}")));
            }
        }
        let role_account = spec.role_arn.as_deref().and_then(|arn| arn.split(':').nth(4));
        if let Some(other) = role_account.filter(|a| *a != spec.account_id && a.len() == 12) {
            let message = format!(
                "The role is in the account {other} and accountId says {}. Name a role of that account.",
                spec.account_id
            );
            self.refuse(format!("{pointer}/roleArn"), "account-mismatch", message);
        }
        let used: Vec<_> = self.world.stored.scopes().into_iter().filter(|s| s.account == *name).collect();
        if used.is_empty() {
            return;
        }
        let before = self.world.stored.account(name);
        if let Some(before) = before.filter(|b| b.account_id != spec.account_id) {
            let message = format!(
                "The account \"{name}\" is {} and has resources. Declare another account, delete their stacks with \
                 deletion=retain, and apply them there with policy.adopt ifExists.",
                before.account_id
            );
            self.refuse(format!("{pointer}/accountId"), "immutable-field", message);
        }
        let gone = used.iter().map(|s| s.region.as_str()).filter(|r| !allows(spec, r)).collect::<Vec<_>>();
        if !gone.is_empty() {
            let message =
                format!("There are resources in {}. Keep it in the list or delete them first.", gone.join(", "));
            self.refuse(format!("{pointer}/regions"), "region-in-use", message);
        }
    }

    fn account(&self, name: &str) -> Option<AccountSpec> {
        let own = self.accounts.iter().find(|a| a.name == name).map(|a| a.spec.clone());
        own.or_else(|| self.world.stored.account(name)).or_else(|| (name == DEFAULT_ACCOUNT).then(AccountSpec::default))
    }

    /// The account must exist; none named is the default one.
    pub(super) fn check_account(&self, name: Option<&str>, pointer: &str, errors: &mut Vec<SpecError>) {
        let Some(name) = name else { return };
        if self.account(name).is_some() || self.sight != Sight::Whole {
            return;
        }
        let mut known = self.world.stored.accounts();
        known.extend(self.accounts.iter().map(|a| a.name.clone()));
        known.push(DEFAULT_ACCOUNT.to_owned());
        known.sort();
        known.dedup();
        let near = did_you_mean(name, known.iter().map(String::as_str));
        let message = format!(
            "There is no account \"{}\".{near} There are: {}. Declare an Account document for it first.",
            clip(name, 60),
            known.join(", ")
        );
        errors.push(SpecError::new(pointer, "unknown-account", message));
    }

    /// The region must look like one and be among those of the account.
    pub(super) fn check_region(
        &self,
        account: Option<&str>,
        region: Option<&str>,
        pointer: &str,
        errors: &mut Vec<SpecError>,
    ) {
        let account_name = account.unwrap_or(DEFAULT_ACCOUNT);
        let Some(region) = region.filter(|r| !r.is_empty()) else {
            let message = "The field \"region\" is required: the server has no region of its own. Write one such as \"eu-west-1\".";
            errors.push(SpecError::new(pointer, "missing-field", message));
            return;
        };
        if !is_region(region) {
            errors.push(bad_region(region, pointer));
        } else if let Some(account) = self.account(account_name).filter(|a| !allows(a, region)) {
            let near = did_you_mean(region, account.regions.iter().map(String::as_str));
            let message = format!(
                "The account \"{account_name}\" does not have the region \"{region}\".{near} It has: {}.",
                account.regions.join(", ")
            );
            errors.push(SpecError::new(pointer, "region-not-in-account", message));
        }
    }
}

fn allows(account: &AccountSpec, region: &str) -> bool {
    account.regions.is_empty() || account.regions.iter().any(|r| r == region)
}
