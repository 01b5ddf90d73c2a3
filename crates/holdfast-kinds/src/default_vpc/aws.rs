//! EC2's answer to which VPC is the default one.

use super::{CIDR, DefaultVpc};
use crate::aws::{Aws, Live, Service, reading};
use crate::ec2::aws::PAGE;
use crate::lookup::{self, Question, changes_nothing};
use async_trait::async_trait;
use aws_sdk_ec2::types::Filter;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Reading, Wanted};

#[async_trait]
impl Live for DefaultVpc {
    /// One call; there is one default VPC a Region at most.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let filter = Filter::builder().name("is-default").values("true").build();
        let call = aws.ec2().describe_vpcs().filters(filter).max_results(PAGE);
        let answer = aws.read(Service::Ec2, "DescribeVpcs", call.send()).await?;
        let found = answer.vpcs().first().and_then(|vpc| Some((vpc.vpc_id()?, vpc.cidr_block())));
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
