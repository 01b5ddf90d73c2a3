//! EC2's answer to which subnets are the default ones.

use super::{CIDR, DefaultSubnet, VPC, ZONE};
use crate::aws::{Aws, Live, reading};
use crate::ec2::aws::shared;
use crate::lookup::{self, Question, changes_nothing};
use async_trait::async_trait;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Reading, Wanted};

#[async_trait]
impl Live for DefaultSubnet {
    /// Out of the listing of all subnets; a zone has one default at most.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let all = shared::subnets(aws).await?;
        let answers = wanted.resources.iter().filter_map(|one| {
            let zone = one.spec.get(ZONE)?.as_str()?;
            let mut defaults = all.iter().filter(|subnet| subnet.default_for_az() == Some(true));
            let found = defaults.find(|subnet| subnet.availability_zone() == Some(zone))?;
            let outputs = [(VPC, found.vpc_id()), (CIDR, found.cidr_block())];
            Some(lookup::answer(&one.spec, found.subnet_id()?.to_owned(), outputs))
        });
        Ok(reading(answers.collect(), Vec::new()))
    }

    async fn apply(_: &Aws<'_>, _: &Question, _: &str) -> Result<Applied, ApplyError> {
        Err(changes_nothing::<Self>())
    }
}
