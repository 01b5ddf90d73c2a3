//! Quotas, of the services that tell them.

use super::super::call::{Aws, Service, all_pages};
use super::Lists;
use aws_sdk_ec2::types::{AccountAttribute, Address};
use aws_sdk_elasticloadbalancingv2::types::LoadBalancerTypeEnum as Type;
use holdfast_core::cloud::ApplyError;
use holdfast_core::preflight::{Asked, Preflight, Room, Subject, Unread};
use std::collections::{BTreeMap, BTreeSet};

/// What is told, by name within the service.
type Rooms = BTreeMap<String, Room>;

/// The services that are asked for quotas.
pub(super) fn services(asked: &Asked) -> BTreeSet<&'static str> {
    asked.quotas.iter().filter_map(|quota| quota.split_once(':')).map(|(service, _)| service).collect()
}

/// Reads the asked quotas, service by service. A quota that its service does not tell is left out.
pub(super) async fn read(aws: &Aws<'_>, lists: &Lists, asked: &Asked, answer: &mut Preflight) {
    for service in services(asked) {
        let of_service = |quota: &&&'static str| quota.split_once(':').is_some_and(|(s, _)| s == service);
        let names: BTreeSet<&str> =
            asked.quotas.iter().filter(of_service).filter_map(|q| q.split_once(':')).map(|(_, name)| name).collect();
        let told = match service {
            "ec2" => network(aws, &names).await,
            "elasticloadbalancing" => balancing(aws, lists, &names).await,
            "rds" => databases(aws).await,
            _ => Ok(Rooms::new()),
        };
        match told {
            Ok(told) => {
                let room = |quota: &&'static str| Some((*quota, *told.get(quota.split_once(':')?.1)?));
                answer.quotas.extend(asked.quotas.iter().filter(of_service).filter_map(room));
            }
            Err(error) => answer.unread.push(Unread { of: Subject::Quotas(service), reason: error.to_string() }),
        }
    }
}

/// EC2 tells how much there may be; what there is has to be counted. Addresses out of pools of one's own do not count.
async fn network(aws: &Aws<'_>, names: &BTreeSet<&str>) -> Result<Rooms, ApplyError> {
    const ADDRESSES: &str = "vpc-max-elastic-ips";
    let attributes = aws.ec2().describe_account_attributes();
    let attributes = aws.read(Service::Ec2, "DescribeAccountAttributes", attributes.send()).await?;
    let mut addresses = 0;
    if names.contains(ADDRESSES) {
        let answer = aws.read(Service::Ec2, "DescribeAddresses", aws.ec2().describe_addresses().send()).await?;
        let amazons = |a: &&Address| a.public_ipv4_pool().is_none_or(|pool| pool == "amazon");
        addresses = answer.addresses().iter().filter(amazons).count() as u64;
    }
    let room = |attribute: &AccountAttribute| {
        let name = attribute.attribute_name()?;
        let max = attribute.attribute_values().first()?.attribute_value()?.parse().ok()?;
        let used = if name == ADDRESSES { addresses } else { 0 };
        Some((name.to_owned(), Room { max, used }))
    };
    Ok(attributes.account_attributes().iter().filter_map(room).collect())
}

/// Elastic Load Balancing tells how much there may be; what there is has to be counted.
async fn balancing(aws: &Aws<'_>, lists: &Lists, names: &BTreeSet<&str>) -> Result<Rooms, ApplyError> {
    let pages = all_pages(
        |marker| {
            let page = aws.elb().describe_account_limits().set_marker(marker);
            aws.read(Service::Elb, "DescribeAccountLimits", page.send())
        },
        |answer| answer.next_marker(),
    )
    .await?;
    let mut rooms = Rooms::new();
    for limit in pages.iter().flat_map(|p| p.limits()) {
        let told = limit.name().filter(|name| names.contains(name)).zip(limit.max().and_then(|max| max.parse().ok()));
        let Some((name, max)) = told else { continue };
        let of_type = |wanted: Type| async move {
            let all = lists.balancers(aws).await?;
            Ok::<usize, ApplyError>(all.iter().filter(|b| b.r#type() == Some(&wanted)).count())
        };
        let used = match name {
            "application-load-balancers" => of_type(Type::Application).await?,
            "network-load-balancers" => of_type(Type::Network).await?,
            "gateway-load-balancers" => of_type(Type::Gateway).await?,
            "target-groups" => lists.groups(aws).await?.len(),
            _ => 0,
        };
        rooms.insert(name.to_owned(), Room { max, used: used as u64 });
    }
    Ok(rooms)
}

/// RDS tells both.
async fn databases(aws: &Aws<'_>) -> Result<Rooms, ApplyError> {
    let call = aws.rds().describe_account_attributes();
    let answer = aws.read(Service::Rds, "DescribeAccountAttributes", call.send()).await?;
    let room = |quota: &aws_sdk_rds::types::AccountQuota| {
        let (max, used) = (u64::try_from(quota.max()?).ok()?, u64::try_from(quota.used()?).ok()?);
        Some((quota.account_quota_name()?.to_owned(), Room { max, used }))
    };
    Ok(answer.account_quotas().iter().filter_map(room).collect())
}
