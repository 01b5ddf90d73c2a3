//! What every route shares: problems, parameters, bodies, conditions, tokens, layers, and the server itself.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod conditional;
pub(crate) mod cursor;
pub(crate) mod layers;
pub(crate) mod path;
pub(crate) mod problem;
pub(crate) mod query;
pub(crate) mod server;
pub(crate) mod stall;
