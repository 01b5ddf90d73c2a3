//! The OpenAPI 3.1 document: made of the table of routes, the types of the answers and the schemas of the kinds.

pub(crate) mod endpoint;

use crate::http::auth::is_open;
use crate::http::problem::ProblemBody;
use crate::http::query::{Param, Shape};
use endpoint::{Endpoint, Gives, Header, Presence, Takes};
use holdfast_core::kind::Registry;
use holdfast_core::schema;
use http::{Method, StatusCode};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

const COMPONENTS: &str = "#/components/schemas/";

/// The OpenAPI document of a build with these kinds.
pub fn document(registry: &Registry) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let mut paths = Map::new();
    for endpoint in crate::routes::endpoints() {
        let path = endpoint.path.replace("{*", "{");
        let operation = operation(&endpoint, &mut generator);
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[endpoint.method.as_str().to_lowercase()] = operation;
    }
    generator.subschema_for::<ProblemBody>();
    let mut schemas = generator.take_definitions(true);
    schemas.extend(documents(registry));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Holdfast",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Holdfast keeps AWS accounts in the state their owners declared. Errors are problem+json (RFC 9457).",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{ "url": "/" }],
        "tags": tags(),
        "security": [{}, { "token": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Needed where the server has tokens, which it must have beyond loopback.",
                },
            },
        },
    })
}

fn tags() -> Value {
    let tags = [
        ("declare", "What is to be."),
        ("stacks", "Stacks: the unit of applying, ordering, pausing and deleting."),
        ("resources", "Resources, one by one."),
        ("plans", "What would be done, and why."),
        ("drift", "How live differs from what is declared."),
        ("events", "The log."),
        ("accounts", "Accounts and scopes."),
        ("operations", "The server itself."),
        ("dashboard", "The page for people."),
    ];
    tags.iter().map(|(name, description)| json!({ "name": name, "description": description })).collect()
}

/// The schemas of the documents, with their definitions as components of their own.
fn documents(registry: &Registry) -> Map<String, Value> {
    let mut whole = schema::whole(registry);
    let mut components = Map::new();
    // A definition may have definitions of its own; references into it go through it, and so keep working.
    if let Some(Value::Object(definitions)) = whole.as_object_mut().and_then(|w| w.shift_remove("$defs")) {
        for (name, mut definition) in definitions {
            rebase(&mut definition);
            components.insert(format!("{name}Document"), definition);
        }
    }
    components
}

/// Turns references to a definition into references to its component.
fn rebase(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get_mut("$ref")
                && let Some(rest) = target.strip_prefix("#/$defs/")
            {
                let (name, inner) = rest.split_once('/').map_or((rest, String::new()), |(n, i)| (n, format!("/{i}")));
                *target = format!("{COMPONENTS}{name}Document{inner}");
            }
            map.values_mut().for_each(rebase);
        }
        Value::Array(items) => items.iter_mut().for_each(rebase),
        _ => {}
    }
}

fn operation(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": endpoint.id,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "parameters": parameters(endpoint),
        "responses": responses(endpoint, generator),
    });
    if !endpoint.doc.is_empty() {
        operation["description"] = json!(endpoint.doc);
    }
    let body = match endpoint.takes {
        Takes::Nothing => None,
        Takes::Documents => Some((json!({ "$ref": format!("{COMPONENTS}DocumentDocument") }), Presence::Required)),
        Takes::Resource => Some((json!({ "$ref": format!("{COMPONENTS}MemberDocument") }), Presence::Required)),
        Takes::Json(schema, presence) => Some((schema(generator).to_value(), presence)),
    };
    if let Some((schema, presence)) = body {
        operation["requestBody"] = json!({
            "required": presence == Presence::Required,
            "content": { "application/json": { "schema": schema } },
        });
    }
    operation
}

fn parameters(endpoint: &Endpoint) -> Value {
    let in_path = endpoint.path.split('/').filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'));
    let path = in_path.map(|name| {
        let name = name.trim_start_matches('*');
        json!({
            "name": name, "in": "path", "required": true, "description": path_doc(name), "schema": { "type": "string" },
        })
    });
    let query = endpoint
        .query
        .unwrap_or_default()
        .iter()
        .map(|p| json!({ "name": p.name, "in": "query", "description": p.doc, "schema": parameter_schema(p) }));
    let headers = endpoint.headers.iter().map(|h| {
        let (name, doc, schema) = header(*h);
        json!({ "name": name, "in": "header", "description": doc, "schema": schema })
    });
    path.chain(query).chain(headers).collect()
}

fn path_doc(name: &str) -> &'static str {
    match name {
        "stack" => "The stack's name.",
        "kind" => "The kind, such as `Service`.",
        "name" => "The name.",
        "hash" => "The plan's hash, `planHash` of the answer that computed it.",
        "file" => "`v1.json`, or the name of a kind with `.json`.",
        _ => "A path below the dashboard.",
    }
}

fn parameter_schema(param: &Param) -> Value {
    match &param.shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::OneOf(words) => json!({ "type": "string", "enum": words }),
        Shape::Number { min, max, default } => {
            let mut schema = json!({ "type": "integer", "minimum": min });
            if *max < u64::MAX {
                schema["maximum"] = json!(max);
            }
            if let Some(default) = default {
                schema["default"] = json!(default);
            }
            schema
        }
    }
}

fn header(header: Header) -> (&'static str, &'static str, Value) {
    let text = json!({ "type": "string" });
    match header {
        Header::IfMatch => (
            "If-Match",
            "The ETag that was read: the write is refused if the declaration has moved since. The status may move.",
            text,
        ),
        Header::CreateOnly => {
            ("If-None-Match", "`*`: only if it is not there yet.", json!({ "type": "string", "const": "*" }))
        }
        Header::IfNoneMatch => ("If-None-Match", "The ETag that was read: 304 if nothing has moved since.", text),
        Header::IdempotencyKey => (
            "Idempotency-Key",
            "Any text of one's own, such as a UUID: a repeat with the same body gets the same bytes and does nothing again. Kept for at least 24 hours.",
            json!({ "type": "string", "minLength": 1, "maxLength": 255 }),
        ),
        Header::LastEventId => {
            ("Last-Event-ID", "The id of the last event that was seen.", json!({ "type": "integer", "minimum": 0 }))
        }
    }
}

fn responses(endpoint: &Endpoint, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for gives in &endpoint.gives {
        responses.insert(gives.status.as_str().to_owned(), success(endpoint, gives, generator));
    }
    if endpoint.headers.contains(&Header::IfNoneMatch) {
        responses.insert("304".to_owned(), json!({ "description": "Nothing has moved.", "headers": etag() }));
    }
    for (status, doc) in failures(endpoint) {
        let content = json!({ "application/problem+json": { "schema": { "$ref": format!("{COMPONENTS}Problem") } } });
        responses
            .entry(status.as_str().to_owned())
            .or_insert_with(|| json!({ "description": doc, "content": content }));
    }
    Value::Object(responses)
}

fn etag() -> Value {
    json!({ "ETag": { "description": "The tag of what was read.", "schema": { "type": "string" } } })
}

fn success(endpoint: &Endpoint, gives: &Gives, generator: &mut SchemaGenerator) -> Value {
    let mut response = json!({ "description": gives.doc });
    if let Some((content, schema)) = gives.content {
        response["content"][content] = schema.map_or_else(|| json!({}), |s| json!({ "schema": s(generator) }));
    }
    if endpoint.headers.contains(&Header::IfNoneMatch) {
        response["headers"] = etag();
    }
    response
}

/// The problems of a route: those it names, and those that follow from what it takes.
fn failures(endpoint: &Endpoint) -> Vec<(StatusCode, &'static str)> {
    let mut found = endpoint.fails.clone();
    let writes = endpoint.method != Method::GET;
    let body = !matches!(endpoint.takes, Takes::Nothing);
    let conditional = endpoint.headers.iter().any(|h| matches!(h, Header::IfMatch | Header::CreateOnly));
    let named = endpoint.path.contains('{') && !endpoint.path.starts_with("/dashboard");
    // A PUT makes what its path names.
    let must_exist = named && endpoint.method != Method::PUT;
    let strict = endpoint.query.is_some();
    let rules: [(bool, StatusCode, &'static str); 11] = [
        (body, StatusCode::BAD_REQUEST, "The body is no JSON."),
        (!is_open(endpoint.path), StatusCode::UNAUTHORIZED, "A token is missing or not known."),
        (true, StatusCode::FORBIDDEN, "The request comes from a place that may not ask this."),
        (must_exist, StatusCode::NOT_FOUND, "There is no such thing."),
        (body, StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time."),
        (conditional, StatusCode::PRECONDITION_FAILED, "A condition does not hold."),
        (body, StatusCode::PAYLOAD_TOO_LARGE, "The body is too large."),
        (body, StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not announced as JSON."),
        (
            strict || body,
            StatusCode::UNPROCESSABLE_ENTITY,
            "A document, parameter or header is not valid; every mistake is named.",
        ),
        (true, StatusCode::INTERNAL_SERVER_ERROR, "A fault of the server."),
        (true, StatusCode::SERVICE_UNAVAILABLE, "Not now; try again."),
    ];
    found.extend(rules.into_iter().filter(|(applies, ..)| *applies).map(|(_, status, doc)| (status, doc)));
    if writes {
        found.push((StatusCode::INSUFFICIENT_STORAGE, "The server's disk is full; nothing was stored."));
    }
    found
}
