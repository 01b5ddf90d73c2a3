//! Listings that more than one kind looks into: each is made once in a look.

use super::PAGE;
use crate::aws::{Aws, Service, all_pages};
use aws_sdk_ec2::types::{Subnet, Vpc};
use holdfast_core::cloud::ApplyError;

/// All VPCs, 1,000 a page.
pub(crate) async fn vpcs<'a>(aws: &Aws<'a>) -> Result<&'a [Vpc], ApplyError> {
    let list = || async {
        let pages = all_pages(
            |token| {
                let page = aws.ec2().describe_vpcs().max_results(PAGE).set_next_token(token);
                aws.read(Service::Ec2, "DescribeVpcs", page.send())
            },
            |answer| answer.next_token(),
        );
        Ok(pages.await?.into_iter().flat_map(|page| page.vpcs.unwrap_or_default()).collect())
    };
    aws.shared().vpcs.get(list).await
}

/// All subnets, 1,000 a page.
pub(crate) async fn subnets<'a>(aws: &Aws<'a>) -> Result<&'a [Subnet], ApplyError> {
    let list = || async {
        let pages = all_pages(
            |token| {
                let page = aws.ec2().describe_subnets().max_results(PAGE).set_next_token(token);
                aws.read(Service::Ec2, "DescribeSubnets", page.send())
            },
            |answer| answer.next_token(),
        );
        Ok(pages.await?.into_iter().flat_map(|page| page.subnets.unwrap_or_default()).collect())
    };
    aws.shared().subnets.get(list).await
}
