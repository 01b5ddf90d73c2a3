//! The schemas of everything around a resource's spec: metadata, policy, stacks, accounts.

use super::check::Checker;
use crate::document::API_VERSION;
use crate::policy::Policy;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Fields that only the server writes. They may stand in a document, so that what was read can be sent back, and
/// are not looked at.
pub(crate) const READ_ONLY_METADATA: &[&str] = &["uid", "generation", "createdAt"];

/// Where a resource document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// By itself: it says its version and its stack.
    Alone,
    /// In a list: it says its stack.
    Listed,
    /// In its stack.
    InStack,
}

/// The document of a resource; `kind` and `spec` are schemas.
pub(crate) fn resource(standing: Standing, kind: Value, spec: Value) -> Value {
    let required = if standing == Standing::Alone {
        json!(["apiVersion", "kind", "metadata", "spec"])
    } else {
        json!(["kind", "metadata", "spec"])
    };
    json!({
        "type": "object",
        "properties": {
            "apiVersion": api_version(),
            "kind": kind,
            "metadata": metadata(Some(standing)),
            "policy": policy(),
            "spec": spec,
            "status": status(),
        },
        "required": required,
        "additionalProperties": false,
    })
}

/// The document of a stack; `resources` is the schema of its resources.
pub(crate) fn stack(resources: Value) -> Value {
    let spec = json!({
        "type": "object",
        "description": "What the stack is.",
        "properties": {
            "account": { "type": "string", "description": "Account that the resources live in; `default` if absent." },
            "region": { "type": "string", "description": "Region that the resources live in; the server's own if absent." },
            "tags": string_map("Tags that are put on every taggable resource."),
            "variables": {
                "type": "object",
                "description": "Values that `${var.name}` takes, of any type.",
                "additionalProperties": true,
            },
            "policy": policy(),
            "resources": resources,
        },
        "additionalProperties": false,
    });
    top("Stack", "A stack: the unit of applying, ordering, pausing and deleting.", &spec)
}

/// The document of an account.
pub(crate) fn account() -> Value {
    let arn = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/.+$";
    let spec = json!({
        "type": "object",
        "description": "How the account is reached.",
        "properties": {
            "accountId": { "type": "string", "pattern": "^[0-9]{12}$", "description": "The AWS account id: 12 digits." },
            "roleArn": { "type": "string", "pattern": arn, "description": "ARN of the IAM role to assume; the process's own credentials if absent." },
            "externalId": { "type": "string", "minLength": 2, "maxLength": 1224, "pattern": r"^[\w+=,.@:/-]*$", "description": "The external id that the role's trust policy asks for." },
            "sessionName": { "type": "string", "minLength": 2, "maxLength": 64, "pattern": r"^[\w+=,.@-]*$", "description": "The role session name; `holdfast-VERSION-ACCOUNT` if absent." },
            "regions": { "type": "array", "items": { "type": "string" }, "uniqueItems": true, "description": "Regions that resources may name; any if absent." },
            "endpointUrl": { "type": "string", "pattern": "^https?://[^ ]+$", "description": "Another AWS endpoint, for emulators: an http or https URL." },
        },
        "required": ["accountId"],
        "additionalProperties": false,
    });
    top("Account", "An AWS account and the way to reach it.", &spec)
}

/// The document of a list; `item` is the schema of its items.
pub(crate) fn list(item: &Value) -> Value {
    json!({
        "type": "object",
        "description": "Several documents in one.",
        "properties": {
            "apiVersion": api_version(),
            "kind": { "const": "List", "description": "Always \"List\"." },
            "metadata": { "type": "object", "description": "Taken and ignored." },
            "items": { "type": "array", "items": item, "description": "The documents." },
        },
        "required": ["apiVersion", "kind", "items"],
        "additionalProperties": false,
    })
}

fn top(kind: &str, description: &str, spec: &Value) -> Value {
    json!({
        "type": "object",
        "description": description,
        "properties": {
            "apiVersion": api_version(),
            "kind": { "const": kind, "description": format!("Always \"{kind}\".") },
            "metadata": metadata(None),
            "spec": spec,
            "status": status(),
        },
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
    })
}

fn api_version() -> Value {
    json!({ "const": API_VERSION, "description": format!("Write \"{API_VERSION}\".") })
}

fn status() -> Value {
    json!({ "readOnly": true, "description": "Written by the server; taken and ignored." })
}

/// The metadata of a resource, or with `None` of a stack or an account.
fn metadata(of: Option<Standing>) -> Value {
    let mut properties = json!({ "name": name(of.map_or(PLAIN_NAME, |_| NAME)) });
    if of.is_some() {
        properties["stack"] = name((PLAIN_NAME.0, STACK_NAME));
        properties["account"] = json!({ "type": "string", "description": "Overrides the stack's account." });
        properties["region"] = json!({ "type": "string", "description": "Overrides the stack's region." });
    }
    properties["labels"] = string_map("Free labels, for finding; never sent to AWS.");
    for field in READ_ONLY_METADATA {
        properties[field] = status();
    }
    let required = match of {
        None | Some(Standing::InStack) => json!(["name"]),
        Some(Standing::Alone | Standing::Listed) => json!(["name", "stack"]),
    };
    json!({
        "type": "object",
        "description": "What the document is about.",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// Pattern and description of a resource's name.
const NAME: (&str, &str) = (
    "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
    "A name is letters, digits, `.`, `_` and `-`, at most 63 of them, a letter or digit first and last.",
);
/// The same for stacks and accounts, which go without the dot: in `${stack:Kind/name.output}` it means something else.
const PLAIN_NAME: (&str, &str) = (
    "^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$",
    "A name is letters, digits, `_` and `-`, at most 63 of them, a letter or digit first and last.",
);

const STACK_NAME: &str =
    "The stack of the resource: letters, digits, `_` and `-`, at most 63 of them, a letter or digit first and last.";

fn name((pattern, description): (&str, &str)) -> Value {
    json!({ "type": "string", "maxLength": 63, "pattern": pattern, "description": description })
}

fn string_map(description: &str) -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "string" }, "description": description })
}

/// The schema of a policy, without the definitions that the derive makes.
fn policy() -> Value {
    static POLICY: LazyLock<Value> = LazyLock::new(|| {
        let settings = schemars::generate::SchemaSettings::draft2020_12().with(|s| {
            s.inline_subschemas = true;
            s.meta_schema = None;
        });
        let mut policy = settings.into_generator().into_root_schema_for::<Policy>().to_value();
        if let Some(map) = policy.as_object_mut() {
            map.remove("title");
        }
        policy
    });
    POLICY.clone()
}

/// The compiled schemas that the parser holds documents against, spec and resources left open.
pub(crate) struct Envelopes {
    pub(crate) stack: Checker,
    pub(crate) account: Checker,
    pub(crate) list: Checker,
    pub(crate) alone: Checker,
    pub(crate) listed: Checker,
    pub(crate) in_stack: Checker,
}

/// Compiled once a process: they hang on nothing but this file.
pub(crate) static ENVELOPES: LazyLock<Envelopes> = LazyLock::new(|| {
    let any_resource = |standing| {
        // Left open but for its type, which a message should name.
        let spec = json!({ "type": "object", "description": "The resource as AWS is to have it." });
        Checker::new(&resource(standing, json!({ "type": "string", "description": "The kind of resource." }), spec))
    };
    Envelopes {
        stack: Checker::new(&stack(json!({ "type": "array", "description": "Its resources." }))),
        account: Checker::new(&account()),
        list: Checker::new(&list(&json!(true))),
        alone: any_resource(Standing::Alone),
        listed: any_resource(Standing::Listed),
        in_stack: any_resource(Standing::InStack),
    }
});
