//! EC2's list of zones.

use super::{AvailabilityZone, found, meant};
use crate::aws::{Aws, Live, Service, reading};
use crate::lookup::{Question, changes_nothing};
use async_trait::async_trait;
use aws_sdk_ec2::types::Filter;
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Reading, Wanted};

#[async_trait]
impl Live for AvailabilityZone {
    /// One listing; it has no pages.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let filter = |name: &str, value: &str| Filter::builder().name(name).values(value).build();
        let filters = vec![filter("state", "available"), filter("zone-type", "availability-zone")];
        let call = aws.ec2().describe_availability_zones().set_filters(Some(filters));
        let answer = aws.read(Service::Ec2, "DescribeAvailabilityZones", call.send()).await?;
        let named = answer.availability_zones().iter().filter_map(|z| Some((z.zone_name()?, z.zone_id()?)));
        let zones: Vec<(&str, &str)> = named.collect();
        let answers = wanted.resources.iter().filter_map(|one| {
            let (name, id) = meant(&one.spec, &zones)?;
            Some(found(&one.spec, name, Some(id)))
        });
        Ok(reading(answers.collect(), Vec::new()))
    }

    async fn apply(_: &Aws<'_>, _: &Question, _: &str) -> Result<Applied, ApplyError> {
        Err(changes_nothing::<Self>())
    }
}
