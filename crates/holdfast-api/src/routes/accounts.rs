//! Accounts and scopes.

use crate::http::conditional::{Conditions, Tag};
use crate::openapi::endpoint::{Answer, Endpoint, Header};
use crate::state::ApiState;
use crate::views::{self, AccountView, Page, ScopeView};
use axum::extract::State;
use axum::routing::get;
use holdfast_core::validate::DEFAULT_ACCOUNT;
use holdfast_store::AccountRecord;
use http::{Method, StatusCode};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/v1/accounts", "listAccounts", get(list))
            .about("accounts", "All accounts, the server's own credentials (`default`) among them")
            .headers(&[Header::IfNoneMatch])
            .gives::<Page<AccountView>>(StatusCode::OK, "The accounts."),
        Endpoint::new(Method::GET, "/v1/scopes", "listScopes", get(scopes))
            .about("accounts", "Each account and region that has resources, with its last sweep, its calls by action and what is left of its budgets")
            .headers(&[Header::IfNoneMatch])
            .gives::<Page<ScopeView>>(StatusCode::OK, "The scopes."),
    ]
}

/// The tag of an account.
pub(crate) fn tag(account: &AccountRecord) -> Tag {
    Tag::of(&(&account.labels, &account.spec, account.generation), &account.version)
}

async fn list(State(state): State<ApiState>, conditions: Conditions) -> Answer {
    state
        .blocking(move |state| {
            let accounts = state.store().accounts()?;
            let mut items: Vec<AccountView> = accounts.iter().map(AccountView::from).collect();
            if !accounts.iter().any(|a| a.name == DEFAULT_ACCOUNT) {
                items.insert(0, AccountView::implied(DEFAULT_ACCOUNT));
            }
            let page = Page::whole(items);
            conditions.answer(&Tag::of_content(&page), &page)
        })
        .await
}

async fn scopes(State(state): State<ApiState>, conditions: Conditions) -> Answer {
    state
        .blocking(move |state| {
            let mut scopes = views::scopes(state.store(), state.now())?;
            scopes.iter_mut().for_each(|scope| scope.load = state.control().load(&scope.scope()));
            let page = Page::whole(scopes);
            conditions.answer(&Tag::of_content(&page), &page)
        })
        .await
}
