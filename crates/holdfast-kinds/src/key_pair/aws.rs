//! EC2's side of a key pair.

use super::{KeyPair, KeyPairSpec, observed};
use crate::aws::answer::{made, object, parse};
use crate::aws::{Aws, Live, Service, reading};
use crate::common::text;
use crate::ec2::aws::{Concern, delete, retag, tags_for, tags_from};
use crate::plain::{Action, Call};
use async_trait::async_trait;
use aws_sdk_ec2::primitives::Blob;
use aws_sdk_ec2::types::{KeyPairInfo, ResourceType};
use holdfast_core::cloud::{Applied, ApplyError};
use holdfast_core::observe::{Observation, Reading, Wanted};

#[async_trait]
impl Live for KeyPair {
    /// One listing, which has no pages.
    async fn sweep(aws: &Aws<'_>, wanted: &Wanted) -> Result<Reading, ApplyError> {
        let call = aws.ec2().describe_key_pairs().include_public_key(true);
        let answer = aws.read(Service::Ec2, "DescribeKeyPairs", call.send()).await?;
        let concern = Concern::of::<Self>(wanted);
        let all = answer.key_pairs().iter();
        let ours = all.filter(|pair| concern.has(pair.key_pair_id(), pair.tags(), pair.key_name()));
        Ok(reading(ours.filter_map(observe).collect(), Vec::new()))
    }

    async fn apply(aws: &Aws<'_>, action: &Action<Self>, _token: &str) -> Result<Applied, ApplyError> {
        match &action.call {
            Call::Create { spec, tags } => {
                let spec: KeyPairSpec = parse("ec2:ImportKeyPair", spec)?;
                let call = aws
                    .ec2()
                    .import_key_pair()
                    .key_name(&spec.key_name)
                    .public_key_material(Blob::new(spec.public_key_material.as_bytes()))
                    .tag_specifications(tags_for(ResourceType::KeyPair, tags));
                let answer = aws.write(Service::Ec2, "ImportKeyPair", call.send()).await?;
                let fields = object([
                    ("keyName", Some(spec.key_name.into())),
                    ("publicKeyMaterial", Some(spec.public_key_material.into())),
                ]);
                let print = answer.key_fingerprint().map(str::to_owned);
                let seen = answer.key_pair_id().map(|id| observed(id.to_owned(), tags.clone(), fields, print));
                return made("ec2:ImportKeyPair", seen);
            }
            // All that may differ in place is its tags.
            Call::Modify { .. } => {}
            Call::Retag(change) => retag(aws, change).await?,
            Call::Delete { fields, .. } => {
                let call = aws.ec2().delete_key_pair().key_name(text(fields, "keyName").unwrap_or_default());
                delete(aws, "DeleteKeyPair", call.send()).await?;
            }
        }
        Ok(Applied::default())
    }
}

fn observe(pair: &KeyPairInfo) -> Option<Observation> {
    let fields = object([
        ("keyName", pair.key_name().map(Into::into)),
        ("publicKeyMaterial", pair.public_key().map(Into::into)),
    ]);
    let print = pair.key_fingerprint().map(str::to_owned);
    Some(observed(pair.key_pair_id()?.to_owned(), tags_from(pair.tags()), fields, print))
}
