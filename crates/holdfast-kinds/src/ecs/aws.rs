//! How the ECS kinds talk to ECS.
//!
//! The members of our specs are those of ECS's JSON, so a spec is sent and an answer read as JSON, through the SDK's own
//! operations: endpoint, signature, time-outs and errors are the SDK's, only the body is ours. Translating some two
//! hundred members twice by hand would add nothing but places to forget one.

#[cfg(test)]
mod members;

use crate::aws::{Aws, Sent, Service, lock};
use crate::common::{Retag, Tags};
use aws_sdk_ecs::types::Tag;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use holdfast_core::cloud::ApplyError;
use holdfast_core::observe::{Gap, Wanted};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// Puts our JSON in place of an operation's body, and keeps the answer's.
#[derive(Debug)]
pub(crate) struct Json {
    body: String,
    answer: Answer,
}

/// Where an answer is put down and taken from; JSON's null before and after.
type Answer = Arc<Mutex<Value>>;

impl Intercept for Json {
    fn name(&self) -> &'static str {
        "Json"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        request.headers_mut().insert("content-length", self.body.len().to_string());
        *request.body_mut() = SdkBody::from(self.body.clone());
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        if response.status().is_success() {
            // One attempt, one answer: the SDK does not retry here.
            *lock(&self.answer) = serde_json::from_slice(response.body().bytes().unwrap_or_default())?;
        }
        Ok(())
    }
}

/// An operation's body on its way, and where its answer will be.
fn exchange(body: &Value) -> (Json, Answer) {
    let answer = Answer::default();
    (Json { body: body.to_string(), answer: Arc::clone(&answer) }, answer)
}

fn take(answer: &Answer) -> Value {
    std::mem::take(&mut *lock(answer))
}

/// Makes a call of ECS that changes nothing, with `body` for its input; returns its output.
pub(crate) async fn read<F: Sent>(
    aws: &Aws<'_>,
    operation: &'static str,
    body: Value,
    send: impl FnOnce(Json) -> F,
) -> Result<Value, ApplyError> {
    let (json, answer) = exchange(&body);
    aws.read(Service::Ecs, operation, send(json)).await?;
    Ok(take(&answer))
}

/// Makes a call of ECS that changes something, with `body` for its input; returns its output.
pub(crate) async fn write<F: Sent>(
    aws: &Aws<'_>,
    operation: &'static str,
    body: Value,
    send: impl FnOnce(Json) -> F,
) -> Result<Value, ApplyError> {
    let (json, answer) = exchange(&body);
    aws.write(Service::Ecs, operation, send(json)).await?;
    Ok(take(&answer))
}

/// Sets and removes tags of anything of ECS, by ARN.
pub(crate) async fn retag(aws: &Aws<'_>, change: &Retag) -> Result<(), ApplyError> {
    let tags = change.set.iter().map(|(k, v)| Tag::builder().key(k).value(v).build()).collect();
    let set = aws.ecs().tag_resource().resource_arn(&change.id).set_tags(Some(tags)).send();
    let keys = change.remove.iter().cloned().collect();
    let remove = aws.ecs().untag_resource().resource_arn(&change.id).set_tag_keys(Some(keys)).send();
    let (set, remove) = (aws.write(Service::Ecs, "TagResource", set), aws.write(Service::Ecs, "UntagResource", remove));
    aws.retag(change, set, remove).await
}

/// Tags as ECS takes them.
pub(crate) fn tags_to_wire(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// Tags as ECS gives them.
pub(crate) fn tags_from_wire(tags: Option<&Value>) -> Tags {
    let pair = |tag: &Value| {
        let text = |key: &str| tag.get(key).and_then(Value::as_str);
        Some((text("key")?.to_owned(), text("value").unwrap_or_default().to_owned()))
    };
    tags.and_then(Value::as_array).into_iter().flatten().filter_map(pair).collect()
}

/// The items of a list in an answer.
pub(crate) fn items<'v>(answer: &'v Value, list: &str) -> impl Iterator<Item = &'v Value> {
    answer.get(list).and_then(Value::as_array).into_iter().flatten()
}

/// What a batched describe of `asked` could not give, by name; what is merely not there is left out. The members of
/// `list` bear their names at `name`.
pub(crate) fn gaps(answer: &Value, operation: &str, (list, name): (&str, &str), asked: &[&str]) -> Vec<Gap> {
    let text = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let failed = |f: &Value| (super::name_of(&text(f, "arn")).to_owned(), text(f, "reason"), text(f, "detail"));
    let failures: Vec<_> = items(answer, "failures").map(failed).collect();
    let told = |asked: &str| {
        items(answer, list).any(|item| text(item, name) == asked) || failures.iter().any(|(name, ..)| name == asked)
    };
    let refused = failures
        .iter()
        .filter(|(_, reason, _)| reason != "MISSING")
        .map(|(name, reason, detail)| Gap::new(operation, vec![name.clone()], format!("{reason} {detail}").trim()));
    // AWS says of each whether it is there: an answer that does not is no whole one.
    let untold = asked
        .iter()
        .filter(|asked| !told(asked))
        .map(|asked| Gap::new(operation, vec![(*asked).to_owned()], "the answer says nothing of it").passing());
    refused.chain(untold).collect()
}

/// Gaps of names, with the handles of what is remembered under one of them: by now it may be declared under another.
/// `name` tells what the gaps call the thing of a handle.
pub(crate) fn with_handles(gaps: Vec<Gap>, wanted: &Wanted, name: impl Fn(&str) -> Option<&str>) -> Vec<Gap> {
    let completed = |mut gap: Gap| {
        let handles = wanted.resources.iter().filter_map(|r| r.id.as_deref());
        let hidden = handles.filter(|handle| name(handle).is_some_and(|name| gap.of.iter().any(|of| of == name)));
        let hidden: Vec<String> = hidden.map(str::to_owned).collect();
        gap.of.extend(hidden);
        gap
    };
    gaps.into_iter().map(completed).collect()
}

/// A client token as ECS takes it: at most 36 printable characters, the same for the same `token`.
pub(crate) fn client_token(token: &str) -> String {
    let fits = token.len() <= 36 && token.bytes().all(|b| b.is_ascii_graphic());
    if fits { token.to_owned() } else { super::fingerprint(token) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecs::name_of;
    use holdfast_core::name::ResourceKey;
    use holdfast_core::observe::WantedResource;

    #[test]
    fn a_client_token_always_fits() {
        assert_eq!(client_token("0198-ab"), "0198-ab");
        let long = client_token(&"x".repeat(60));
        assert_eq!(long.len(), 32);
        assert_eq!(long, client_token(&"x".repeat(60)));
        assert_ne!(long, client_token(&"x".repeat(61)));
    }

    #[test]
    fn what_is_declared_under_another_name_than_it_is_remembered_by_is_hidden_with_that() {
        let remembered = |id: Option<&str>| {
            let spec = json!({ "name": "now" }).into();
            let key = ResourceKey::new("s", "CapacityProvider", "a");
            WantedResource::new(key, "u".to_owned(), id.map(str::to_owned), spec)
        };
        let ids = [Some("arn:aws:ecs:r:a:capacity-provider/before"), Some("arn:aws:ecs:r:a:capacity-provider/b"), None];
        let wanted = Wanted { resources: ids.map(remembered).to_vec() };
        let gaps = vec![Gap::new("ecs:DescribeCapacityProviders", vec!["before".to_owned()], "ACCESS")];
        let told = with_handles(gaps, &wanted, |arn| Some(name_of(arn)));
        assert_eq!(told[0].of, ["before", "arn:aws:ecs:r:a:capacity-provider/before"]);
    }

    #[test]
    fn what_is_missing_is_no_gap_and_what_an_answer_does_not_tell_of_is_one() {
        let answer = json!({
            "clusters": [{ "clusterName": "here" }],
            "failures": [{ "arn": "arn:aws:ecs:r:a:cluster/gone", "reason": "MISSING" },
                         { "arn": "closed", "reason": "ACCESS", "detail": "denied" }],
        });
        let told = |answer: &Value| -> Vec<String> {
            let all =
                gaps(answer, "DescribeClusters", ("clusters", "clusterName"), &["here", "gone", "closed", "lost"]);
            all.iter().map(|gap| format!("{}: {}", gap.of.join(" "), gap.reason)).collect()
        };
        assert_eq!(told(&answer), ["closed: ACCESS denied", "lost: the answer says nothing of it"]);
        assert_eq!(told(&json!({ "clustfrs": [] })).len(), 4, "a mangled answer shows nothing, and nothing is gone");
    }
}
