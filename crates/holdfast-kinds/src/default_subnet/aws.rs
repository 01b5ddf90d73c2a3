//! EC2's answer to which subnets are the default ones.

use super::{CIDR, DefaultSubnet, VPC, ZONE};
use crate::aws::{Aws, Live, Service, all_pages, reading};
use crate::ec2::aws::PAGE;
use crate::lookup::{self, Question, changes_nothing};
use async_trait::async_trait;
use aws_sdk_ec2::types::Filter;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Reading, Wanted};

#[async_trait]
impl Live for DefaultSubnet {
    /// One listing; there is one default subnet a zone at most.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let filter = Filter::builder().name("default-for-az").values("true").build();
        let pages = all_pages(
            |token| {
                let page = aws.ec2().describe_subnets().filters(filter.clone());
                let page = page.max_results(PAGE).set_next_token(token);
                aws.read(Service::Ec2, "DescribeSubnets", page.send())
            },
            |answer| answer.next_token(),
        )
        .await?;
        let answers = wanted.resources.iter().filter_map(|one| {
            let zone = one.spec.get(ZONE)?.as_str()?;
            let found = pages.iter().flat_map(|p| p.subnets()).find(|s| s.availability_zone() == Some(zone))?;
            let outputs = [(VPC, found.vpc_id()), (CIDR, found.cidr_block())];
            Some(lookup::answer(&one.spec, found.subnet_id()?.to_owned(), outputs))
        });
        Ok(reading(answers.collect(), Vec::new()))
    }

    async fn apply(_: &Aws<'_>, _: &Question, _: &str) -> Result<Applied, ApplyError> {
        Err(changes_nothing::<Self>())
    }
}
