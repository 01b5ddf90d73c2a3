//! Stacks: list, read, take away.

use super::watch::{self, End};
use super::{DELETION, approve, declare};
use crate::graph;
use crate::http::conditional::{Conditions, Tag};
use crate::http::path::Segments;
use crate::http::problem::Problem;
use crate::http::query::Params;
use crate::openapi::endpoint::{Answer, Endpoint, Header};
use crate::state::ApiState;
use crate::views::{Page, ResourceLine, StackDetail, StackView, stack_tag};
use axum::extract::State;
use axum::routing::{delete, get};
use holdfast_core::problem::did_you_mean;
use holdfast_store::{EventFilter, Filter, Phases, ResourceRecord, StackRecord};
use http::{HeaderMap, Method, StatusCode, header};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/v1/stacks", "listStacks", get(list))
            .about("stacks", "All stacks, with their resources counted by phase")
            .headers(&[Header::IfNoneMatch])
            .gives::<Page<StackView>>(StatusCode::OK, "The stacks."),
        Endpoint::new(Method::GET, "/v1/stacks/{stack}", "getStack", get(read))
            .about("stacks", "One stack with a line for each of its resources")
            .headers(&[Header::IfNoneMatch])
            .gives::<StackDetail>(StatusCode::OK, "The stack."),
        Endpoint::new(Method::DELETE, "/v1/stacks/{stack}", "deleteStack", delete(remove))
            .about("stacks", "Take a stack away with all of its declarations")
            .doc(
                "Live things are deleted in reverse order; the stack ends with its last resource. Asked with `Accept: text/event-stream`, the answer is the log of the stack \
                 until it is gone, and as the last message, `event: teardown`, the certificate that GET /v1/stacks/{stack}/teardown gives.",
            )
            .query(&[DELETION])
            .headers(&[Header::IfMatch])
            .gives::<declare::Applied>(StatusCode::OK, "The stack is gone; what was retained stays live.")
            .gives::<declare::Applied>(
                StatusCode::ACCEPTED,
                "Live things are being deleted; the stack ends when they are gone.",
            )
            .fails(
                StatusCode::CONFLICT,
                "A resource of it is protected, or another stack refers to one; nothing was changed.",
            ),
    ]
}

async fn list(State(state): State<ApiState>, conditions: Conditions) -> Answer {
    state
        .blocking(move |state| {
            let mut summary = state.store().summary(&Filter::default())?;
            let now = state.now();
            let view = |s: StackRecord| StackView::new(&s, summary.stacks.remove(&s.name).unwrap_or_default(), now);
            let page = Page::whole(state.store().stacks()?.into_iter().map(view).collect());
            conditions.answer(&Tag::of_content(&page), &page)
        })
        .await
}

/// A stack with all of its resources, or 404 with the nearest name.
pub(crate) fn find(state: &ApiState, name: &str) -> Result<(StackRecord, Vec<ResourceRecord>), Problem> {
    let Some(stack) = state.store().stack(name)? else {
        let names: Vec<String> = state.store().stacks()?.into_iter().map(|s| s.name).collect();
        let near = did_you_mean(name, names.iter().map(String::as_str));
        return Err(Problem::not_found(&format!("There is no stack \"{name}\".{near}")));
    };
    Ok((stack, members(state, name)?))
}

/// All resources of a stack.
pub(crate) fn members(state: &ApiState, stack: &str) -> Result<Vec<ResourceRecord>, Problem> {
    let filter = Filter { stack: Some(stack.to_owned()), ..Filter::default() };
    Ok(state.store().resources(&filter, usize::MAX, None)?)
}

async fn read(State(state): State<ApiState>, Segments(name): Segments<String>, conditions: Conditions) -> Answer {
    state
        .blocking(move |state| {
            let (stack, members) = find(state, &name)?;
            let mut phases = Phases::new();
            for member in &members {
                *phases.entry(member.status.phase).or_default() += 1;
            }
            let line = |r: &ResourceRecord| ResourceLine::new(r, graph::depends_on(&r.key, &r.spec.value()));
            let awaiting_approval = state.store().awaiting(&name)?.map(|a| a.plan);
            let detail = StackDetail {
                awaiting_approval,
                stack: StackView::new(&stack, phases, state.now()),
                resources: members.iter().map(line).collect(),
            };
            // Whether a pause is over hangs on the clock, so the tag takes it from the answer.
            let tag = stack_tag(&stack, &members).with(&(&detail.stack, &detail.awaiting_approval));
            conditions.answer(&tag, &detail)
        })
        .await
}

async fn remove(
    State(state): State<ApiState>,
    Segments(name): Segments<String>,
    params: Params,
    conditions: Conditions,
    headers: HeaderMap,
) -> Answer {
    let streamed = headers.get(header::ACCEPT).is_some_and(|a| a.as_bytes().starts_with(b"text/event-stream"));
    let (stack, before) = (name.clone(), state.blocking(|state| Ok(state.store().newest_event()?)).await?);
    let done = state
        .declaring(move |state| {
            let (stack, members) = find(state, &name)?;
            conditions.allow_write(&format!("stack {name}"), Some(&stack_tag(&stack, &members)))?;
            declare::take_away(state, &members, params.text("deletion"), Some(&stack.name))
        })
        .await?;
    let answer = approve::finish(done, &state).await?;
    if !streamed {
        return Ok(answer);
    }
    let filter = EventFilter { stack: Some(stack.clone()), ..EventFilter::default() };
    watch::stream(state, filter, Some(before), End::Teardown(stack)).await
}
