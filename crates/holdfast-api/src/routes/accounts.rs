//! Accounts and scopes.

use crate::http::conditional::{Conditions, Tag};
use crate::http::path::Segments;
use crate::http::problem::Problem;
use crate::openapi::endpoint::{Answer, Endpoint, Header};
use crate::state::ApiState;
use crate::views::{self, AccountView, Page, ScopeView};
use axum::extract::State;
use axum::routing::get;
use holdfast_core::problem::did_you_mean;
use holdfast_core::validate::DEFAULT_ACCOUNT;
use holdfast_store::AccountRecord;
use http::{Method, StatusCode};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new(Method::GET, "/v1/accounts", "listAccounts", get(list))
            .about("accounts", "All accounts, the server's own credentials (`default`) among them")
            .headers(&[Header::IfNoneMatch])
            .gives::<Page<AccountView>>(StatusCode::OK, "The accounts."),
        Endpoint::new(Method::GET, "/v1/accounts/{name}", "getAccount", get(read))
            .about("accounts", "One account, with the ETag that If-Match of an apply takes")
            .headers(&[Header::IfNoneMatch])
            .gives::<AccountView>(StatusCode::OK, "The account."),
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

/// The tag of the account that is there without a document.
pub(crate) fn implied_tag() -> Tag {
    Tag::of_content(&AccountView::implied(DEFAULT_ACCOUNT))
}

async fn read(State(state): State<ApiState>, Segments(name): Segments<String>, conditions: Conditions) -> Answer {
    state
        .blocking(move |state| match state.store().account(&name)? {
            Some(account) => conditions.answer(&tag(&account), &AccountView::from(&account)),
            None if name == DEFAULT_ACCOUNT => {
                conditions.answer(&implied_tag(), &AccountView::implied(DEFAULT_ACCOUNT))
            }
            None => {
                let names: Vec<String> = state.store().accounts()?.into_iter().map(|a| a.name).collect();
                let near = did_you_mean(&name, names.iter().map(String::as_str).chain([DEFAULT_ACCOUNT]));
                Err(Problem::not_found(&format!("There is no account \"{name}\".{near}")))
            }
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
