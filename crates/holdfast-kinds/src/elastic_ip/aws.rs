//! EC2's side of an Elastic IP address.

use super::{ASSOCIATION, ElasticIp, ElasticIpSpec, observation};
use crate::aws::answer::{is_not_found, made, object, parse};
use crate::aws::{Aws, Live, Service, reading};
use crate::ec2::aws::{Concern, delete, retag, tags_for, tags_from};
use crate::plain::{Action, Call};
use async_trait::async_trait;
use aws_sdk_ec2::types::{Address, DomainType, ResourceType, Tag};
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::name::UID_TAG;
use holdfast_core::observe::{Observation, Reading, Wanted, WantedResource};
use serde_json::{Map, Value};

#[async_trait]
impl Live for ElasticIp {
    /// One listing of all addresses: EC2 has no pages here.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let answer = aws.read(Service::Ec2, "DescribeAddresses", aws.ec2().describe_addresses().send()).await?;
        let concern = Concern::of::<Self>(wanted);
        let ours = answer.addresses().iter().filter(|a| concern.has(a.allocation_id(), a.tags(), None));
        let seen = ours.filter_map(|address| {
            let declares = wanted.resources.iter().any(|w| is_of(w, address) && declares_association(&w.spec));
            observe(address, declares)
        });
        Ok(reading(seen.collect(), Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action<Self>, _token: &str) -> Result<Applied, ApplyError> {
        match &action.call {
            Call::Create { spec, tags } => {
                let spec: ElasticIpSpec = parse("ec2:AllocateAddress", spec)?;
                let call = aws
                    .ec2()
                    .allocate_address()
                    .domain(DomainType::Vpc)
                    .set_address(spec.address)
                    .set_public_ipv4_pool(spec.public_ipv4_pool)
                    .set_network_border_group(spec.network_border_group)
                    .tag_specifications(tags_for(ResourceType::ElasticIp, tags));
                let answer = aws.write(Service::Ec2, "AllocateAddress", call.send()).await?;
                let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
                let address = Address::builder()
                    .set_allocation_id(answer.allocation_id().map(str::to_owned))
                    .set_public_ip(answer.public_ip().map(str::to_owned))
                    .set_tags(Some(tags.collect()))
                    .build();
                return made("ec2:AllocateAddress", observe(&address, false));
            }
            Call::Modify { id, set } => associate(aws, id, set).await?,
            Call::Retag(change) => retag(aws, change).await?,
            Call::Delete { id, .. } => {
                delete(aws, "ReleaseAddress", aws.ec2().release_address().allocation_id(id).send()).await?;
            }
        }
        Ok(Applied::default())
    }
}

/// True if it is that resource's address, by the owner tag or by the id.
fn is_of(wanted: &WantedResource, address: &Address) -> bool {
    let uid = address.tags().iter().find(|tag| tag.key() == Some(UID_TAG)).and_then(Tag::value);
    uid == Some(wanted.uid.as_str()) || (wanted.id.is_some() && wanted.id.as_deref() == address.allocation_id())
}

fn declares_association(spec: &Value) -> bool {
    ASSOCIATION.iter().any(|field| spec.get(*field).is_some())
}

/// An association is shown only where it is declared: elsewhere it is of whoever made it.
fn observe(address: &Address, declares: bool) -> Option<Observation> {
    let id = address.allocation_id()?.to_owned();
    let text = |said: Option<&str>| said.filter(|text| !text.is_empty()).map(Value::from);
    let mut fields = object([
        ("domain", address.domain().map(|d| d.as_str().into())),
        ("address", text(address.public_ip())),
        ("publicIpv4Pool", text(address.public_ipv4_pool())),
        ("networkBorderGroup", text(address.network_border_group())),
    ]);
    let [of_instance, of_interface, private] = ASSOCIATION;
    let association = object([
        (of_instance, text(address.instance_id())),
        (of_interface, text(address.network_interface_id())),
        (private, text(address.private_ip_address())),
    ]);
    if let (true, Some(all), Value::Object(more)) = (declares, fields.as_object_mut(), association) {
        all.extend(more);
    }
    Some(observation(id, tags_from(address.tags()), fields))
}

/// Associates it, taking it away from whatever had it, or with nothing.
async fn associate(aws: &Aws<'_>, id: &str, set: &Map<String, Value>) -> Result<(), ApplyError> {
    let text = |field: &str| set.get(field).and_then(Value::as_str).map(str::to_owned);
    let [instance, interface, private] = ASSOCIATION.map(text);
    if instance.is_some() || interface.is_some() || private.is_some() {
        let call = aws
            .ec2()
            .associate_address()
            .allocation_id(id)
            .set_instance_id(instance)
            .set_network_interface_id(interface)
            .set_private_ip_address(private)
            .allow_reassociation(true);
        aws.write(Service::Ec2, "AssociateAddress", call.send()).await?;
        return Ok(());
    }
    let call = aws.ec2().describe_addresses().allocation_ids(id);
    let answer = match aws.read(Service::Ec2, "DescribeAddresses", call.send()).await {
        // What is released is associated with nothing.
        Err(error) if is_not_found(&error) => return Ok(()),
        answer => answer?,
    };
    if let Some(association) = answer.addresses().first().and_then(|a| a.association_id()) {
        let call = aws.ec2().disassociate_address().association_id(association);
        delete(aws, "DisassociateAddress", call.send()).await?;
    }
    Ok(())
}
