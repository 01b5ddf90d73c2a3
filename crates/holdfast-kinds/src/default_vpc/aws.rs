//! EC2's answer to which VPC is the default one.

use super::{CIDR, DefaultVpc};
use crate::aws::{Aws, Live, reading};
use crate::ec2::aws::shared;
use crate::lookup::{self, Question, changes_nothing};
use async_trait::async_trait;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Reading, Wanted};

#[async_trait]
impl Live for DefaultVpc {
    /// Out of the listing of all VPCs; one is the default at most.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let all = shared::vpcs(aws).await?;
        let default = all.iter().find(|vpc| vpc.is_default() == Some(true));
        let found = default.and_then(|vpc| Some((vpc.vpc_id()?, vpc.cidr_block())));
        let answers = wanted.resources.iter().filter_map(|one| {
            let (id, block) = found?;
            Some(lookup::answer(&one.spec, id.to_owned(), [(CIDR, block)]))
        });
        Ok(reading(answers.take(1).collect(), Vec::new()))
    }

    async fn apply(_: &Aws<'_>, _: &Question, _: &str) -> Result<Applied, ApplyError> {
        Err(changes_nothing::<Self>())
    }
}
