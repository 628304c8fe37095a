//! The API page: the OpenAPI document read into what the page shows.

use super::Server;
use super::problem::Failure;
use crate::people::Seen;
use app::view::{
    ApiAnswer, ApiField, ApiForm, ApiGroup, ApiOperation, ApiReference, ApiSchema, ApiShape,
    ApiWord,
};
use app::{Page, link};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::{Map, Value, json};
use std::sync::{Arc, LazyLock};

/// Methods in the order in which they are shown.
const METHODS: [&str; 6] = ["get", "head", "post", "put", "patch", "delete"];
/// How a reference to a schema begins.
const SCHEMAS: &str = "#/components/schemas/";
/// The page changes with the program alone.
const VERSION: &str = env!("CARGO_PKG_VERSION");

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(super::openapi()).unwrap_or_default());

/// The REST API for a person who reads.
pub async fn reference(
    State(server): State<Arc<Server>>,
    seen: Seen,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let host = host(&headers);
    let key = [link::api(), " ", &host].concat();
    if let Some(body) = server.documents.kept(&seen, &key, VERSION) {
        return Ok(server.documents.answer(&headers, &body));
    }
    let page = Page::Api(Box::new(read(&DOCUMENT, &host)));
    let body: Arc<str> = server
        .documents
        .draw(&server, &seen, page, link::api(), &[])
        .await
        .into();
    server
        .documents
        .keep(&seen, &key, VERSION, Arc::clone(&body));
    Ok(server.documents.answer(&headers, &body))
}

/// The name by which the visitor reached this server. It stands in lines that are pasted into a shell:
/// what is no plain name is not repeated.
pub fn host(headers: &HeaderMap) -> String {
    headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .filter(|host| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
            !host.is_empty() && host.bytes().all(is_plain)
        })
        .unwrap_or("127.0.0.1:7590")
        .to_owned()
}

/// The page of an OpenAPI document (3.1); what it does not have is left out.
fn read(document: &Value, host: &str) -> ApiReference {
    let schemas = object(&document["components"]["schemas"]);
    let reader = Reader { schemas, host };
    let groups = list(&document["tags"])
        .iter()
        .map(|tag| ApiGroup {
            name: text(&tag["name"]),
            description: text(&tag["description"]),
            operations: reader.operations(document, &tag["name"]),
        })
        .collect();
    ApiReference {
        title: text(&document["info"]["title"]),
        version: text(&document["info"]["version"]),
        description: text(&document["info"]["description"]),
        document: link::api_document().to_owned(),
        groups,
        schemas: schemas
            .iter()
            .map(|(name, schema)| ApiSchema {
                name: name.clone(),
                description: text(&schema["description"]),
                forms: reader.forms(schema),
            })
            .collect(),
    }
}

struct Reader<'a> {
    schemas: &'a Map<String, Value>,
    host: &'a str,
}

impl Reader<'_> {
    fn operations(&self, document: &Value, tag: &Value) -> Vec<ApiOperation> {
        let mut operations = Vec::new();
        for (path, methods) in object(&document["paths"]) {
            for method in METHODS {
                let operation = &methods[method];
                if list(&operation["tags"]).contains(tag) {
                    operations.push(self.operation(method, path, operation));
                }
            }
        }
        operations
    }

    fn operation(&self, method: &str, path: &str, operation: &Value) -> ApiOperation {
        let body = first_content(&operation["requestBody"]).map(|(_, content)| &content["schema"]);
        let parameters = list(&operation["parameters"]);
        ApiOperation {
            anchor: anchor(method, path),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            description: text(&operation["description"]),
            parameters: parameters
                .iter()
                .map(|parameter| ApiField {
                    name: text(&parameter["name"]),
                    place: text(&parameter["in"]),
                    required: parameter["required"] == true,
                    shape: self.shape(&parameter["schema"]),
                    description: text(&parameter["description"]),
                })
                .collect(),
            body: body.map(|schema| self.shape(schema)),
            answers: object(&operation["responses"])
                .iter()
                .map(|(status, answer)| {
                    let content = first_content(answer);
                    ApiAnswer {
                        status: status.clone(),
                        description: text(&answer["description"]),
                        kind: content.map(|(kind, _)| kind.clone()).unwrap_or_default(),
                        shape: content
                            .map(|(_, content)| self.shape(&content["schema"]))
                            .unwrap_or_default(),
                    }
                })
                .collect(),
            curl: self.curl(method, path, operation, body),
        }
    }

    /// A line that does it: placeholders of the path in capitals, what must be there and no more.
    fn curl(&self, method: &str, path: &str, operation: &Value, body: Option<&Value>) -> String {
        let mut address = String::new();
        for part in path.split_inclusive('}') {
            match part.split_once('{') {
                Some((before, name)) => {
                    address.push_str(before);
                    address.push_str(&name.trim_end_matches('}').to_uppercase());
                }
                None => address.push_str(part),
            }
        }
        let mut words = vec!["curl".to_owned()];
        let streams = operation["responses"]["200"]["content"]["text/event-stream"].is_object();
        if streams {
            words.push("--no-buffer".into());
        }
        if method != "get" {
            words.push(format!("--request {}", method.to_uppercase()));
        }
        words.push(format!("http://{}{address}", self.host));
        if let Some(schema) = body {
            words.push("--header 'Content-Type: application/json'".into());
            let example = self.example(schema, 0).to_string().replace('\'', "'\\''");
            words.push(format!("--data '{example}'"));
        }
        words.join(" ")
    }

    /// A value of a schema: its own example, else one with what is required.
    fn example(&self, schema: &Value, depth: usize) -> Value {
        /// Schemas may hold themselves.
        const DEPTH_MAX: usize = 8;
        let given = [&schema["example"], &schema["examples"][0], &schema["const"]];
        if let Some(given) = given.into_iter().find(|given| !given.is_null()) {
            return given.clone();
        }
        if depth > DEPTH_MAX {
            return Value::Null;
        }
        if let Some(named) = self.named(schema) {
            return self.example(named, depth + 1);
        }
        if let Some(first) = list(&schema["enum"]).first() {
            return first.clone();
        }
        for choice in ["oneOf", "anyOf", "allOf"] {
            if let Some(first) = list(&schema[choice]).first() {
                return self.example(first, depth + 1);
            }
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.first().and_then(Value::as_str),
            kind => kind.as_str(),
        };
        match kind {
            Some("object") => {
                let required = list(&schema["required"]).iter().filter_map(Value::as_str);
                let fields = required.map(|name| {
                    let value = self.example(&schema["properties"][name], depth + 1);
                    (name.to_owned(), value)
                });
                Value::Object(fields.collect())
            }
            Some("array") => json!([]),
            Some("integer" | "number") => match &schema["minimum"] {
                Value::Null => json!(0),
                least => least.clone(),
            },
            Some("boolean") => json!(false),
            Some("string") => json!("…"),
            _ => Value::Null,
        }
    }

    fn named(&self, schema: &Value) -> Option<&Value> {
        self.schemas
            .get(schema["$ref"].as_str()?.strip_prefix(SCHEMAS)?)
    }

    /// A schema that stands in place where a reference to a named one could.
    fn name_of(&self, schema: &Value) -> Option<&String> {
        let properties = schema["properties"].as_object()?;
        let mut named = self.schemas.iter();
        named
            .find(|(_, one)| one["properties"].as_object() == Some(properties))
            .map(|(name, _)| name)
    }

    /// A schema in words.
    fn shape(&self, schema: &Value) -> ApiShape {
        if let Some(name) = schema["$ref"].as_str() {
            let name = name.strip_prefix(SCHEMAS).unwrap_or(name);
            return vec![ApiWord::Schema(name.to_owned())];
        }
        for (key, between) in [("oneOf", " or "), ("anyOf", " or "), ("allOf", " and ")] {
            let parts = list(&schema[key]);
            if !parts.is_empty() {
                return joined(parts.iter().map(|part| self.shape(part)), between);
            }
        }
        let values = list(&schema["enum"]);
        if !values.is_empty() {
            let words = values.iter().map(|value| vec![plain(value.to_string())]);
            return joined(words, " or ");
        }
        if !schema["const"].is_null() {
            return vec![plain(schema["const"].to_string())];
        }
        match &schema["type"] {
            Value::Array(kinds) => {
                let kinds = kinds.iter().filter_map(Value::as_str);
                joined(kinds.map(|kind| self.kind(kind, schema)), " or ")
            }
            Value::String(kind) => self.kind(kind, schema),
            _ => vec![plain("any JSON")],
        }
    }

    fn kind(&self, kind: &str, schema: &Value) -> ApiShape {
        match kind {
            "array" => {
                let places = list(&schema["prefixItems"]);
                if places.is_empty() {
                    let mut shape = vec![plain("list of ")];
                    shape.extend(self.shape(&schema["items"]));
                    return shape;
                }
                let mut shape = vec![plain("[")];
                shape.extend(joined(places.iter().map(|place| self.shape(place)), ", "));
                shape.push(plain("]"));
                shape
            }
            "object" => match (self.name_of(schema), &schema["additionalProperties"]) {
                (Some(name), _) => vec![ApiWord::Schema(name.clone())],
                (None, values @ Value::Object(_)) => {
                    let mut shape = vec![plain("object of ")];
                    shape.extend(self.shape(values));
                    shape
                }
                _ => vec![plain("object")],
            },
            "integer" | "number" => {
                let bound = |key: &str| match &schema[key] {
                    Value::Null => None,
                    bound => Some(bound.to_string()),
                };
                let range = match (bound("minimum"), bound("maximum")) {
                    (Some(least), Some(most)) => format!(", {least} to {most}"),
                    (Some(least), None) => format!(", {least} or more"),
                    (None, Some(most)) => format!(", {most} at most"),
                    (None, None) => String::new(),
                };
                vec![plain(format!("{kind}{range}"))]
            }
            kind => vec![plain(kind)],
        }
    }

    fn forms(&self, schema: &Value) -> Vec<ApiForm> {
        for key in ["oneOf", "anyOf", "allOf"] {
            let parts = list(&schema[key]);
            if !parts.is_empty() {
                return parts.iter().map(|part| self.form(part)).collect();
            }
        }
        // What it is for stands above its only form already.
        let mut form = self.form(schema);
        form.description.clear();
        vec![form]
    }

    fn form(&self, schema: &Value) -> ApiForm {
        let required = list(&schema["required"]);
        let fields: Vec<ApiField> = object(&schema["properties"])
            .iter()
            .map(|(name, field)| ApiField {
                name: name.clone(),
                required: required.iter().any(|one| one == name),
                shape: self.shape(field),
                description: text(&field["description"]),
                place: String::new(),
            })
            .collect();
        ApiForm {
            description: text(&schema["description"]),
            shape: if fields.is_empty() {
                self.shape(schema)
            } else {
                ApiShape::new()
            },
            fields,
        }
    }
}

/// `get-api-runs-id`.
fn anchor(method: &str, path: &str) -> String {
    let mut anchor = method.to_owned();
    for word in path.split(|letter: char| !letter.is_ascii_alphanumeric()) {
        if !word.is_empty() {
            anchor.push('-');
            anchor.push_str(word);
        }
    }
    anchor
}

fn first_content(place: &Value) -> Option<(&String, &Value)> {
    place["content"].as_object()?.iter().next()
}

fn joined(shapes: impl Iterator<Item = ApiShape>, between: &str) -> ApiShape {
    let mut all = ApiShape::new();
    for shape in shapes {
        if !all.is_empty() {
            all.push(plain(between));
        }
        all.extend(shape);
    }
    all
}

fn plain(words: impl Into<String>) -> ApiWord {
    ApiWord::Text(words.into())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn object(value: &Value) -> &Map<String, Value> {
    static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
    value.as_object().unwrap_or(&NONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn words(shape: &ApiShape) -> String {
        let word = |word: &ApiWord| match word {
            ApiWord::Text(text) => text.clone(),
            ApiWord::Schema(name) => format!("<{name}>"),
        };
        shape.iter().map(word).collect()
    }

    #[test]
    fn every_operation_and_schema_of_the_document_is_shown() {
        let reference = read(&DOCUMENT, "localhost:1");
        let shown: usize = reference
            .groups
            .iter()
            .map(|group| group.operations.len())
            .sum();
        let paths = object(&DOCUMENT["paths"]).values();
        let there: usize = paths
            .map(|methods| {
                METHODS
                    .iter()
                    .filter(|method| methods[**method].is_object())
                    .count()
            })
            .sum();
        assert_eq!(shown, there);
        assert_eq!(
            reference.schemas.len(),
            object(&DOCUMENT["components"]["schemas"]).len()
        );
        let mut anchors = HashSet::new();
        for operation in reference.groups.iter().flat_map(|group| &group.operations) {
            assert!(anchors.insert(&operation.anchor), "{}", operation.anchor);
            assert!(!operation.summary.is_empty(), "{}", operation.path);
            assert!(
                operation.curl.contains(" http://localhost:1/"),
                "{}",
                operation.curl
            );
        }
    }

    #[test]
    fn lines_can_be_pasted() {
        let reference = read(&DOCUMENT, "localhost:1");
        let line = |anchor: &str| {
            let mut operations = reference.groups.iter().flat_map(|group| &group.operations);
            operations
                .find(|one| one.anchor == anchor)
                .unwrap()
                .curl
                .clone()
        };
        assert_eq!(
            line("get-api-runs-id-questions-question-id"),
            "curl http://localhost:1/api/runs/ID/questions/QUESTION_ID"
        );
        assert_eq!(
            line("get-api-runs-id-events"),
            "curl --no-buffer http://localhost:1/api/runs/ID/events"
        );
        assert!(line("post-api-jobs").starts_with(
            "curl --request POST http://localhost:1/api/jobs --header 'Content-Type: application/json' --data '{\"config\":"
        ));
    }

    #[test]
    fn shapes_are_said_in_words() {
        let schemas = json!({"Point": {"type": "object", "properties": {"x": {"type": "number"}}}});
        let reader = Reader {
            schemas: schemas.as_object().unwrap(),
            host: "",
        };
        for (schema, expected) in [
            (
                json!({"type": "array", "items": {"$ref": "#/components/schemas/Point"}}),
                "list of <Point>",
            ),
            (
                json!({"type": ["integer", "null"], "minimum": 1, "maximum": 10}),
                "integer, 1 to 10 or null",
            ),
            (
                json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "object", "properties": {"x": {"type": "number"}}}]}),
                "[string, <Point>]",
            ),
            (
                json!({"oneOf": [{"enum": ["a", "b"]}, {"type": "null"}]}),
                "\"a\" or \"b\" or null",
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "boolean"}}),
                "object of boolean",
            ),
            (json!({}), "any JSON"),
        ] {
            assert_eq!(words(&reader.shape(&schema)), expected);
        }
    }

    #[test]
    fn a_host_that_is_no_name_is_not_repeated() {
        let with = |text: &'static str| {
            let pair = (header::HOST, axum::http::HeaderValue::from_static(text));
            host(&[pair].into_iter().collect())
        };
        assert_eq!(with("localhost:7591"), "localhost:7591");
        assert_eq!(with("[::1]:7591"), "[::1]:7591");
        assert_eq!(with("a;rm"), "127.0.0.1:7590");
        assert_eq!(with("$(id)"), "127.0.0.1:7590");
    }
}
