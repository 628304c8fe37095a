//! What the API page shows: the OpenAPI document, in the order in which it is read.

/// The whole page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiReference {
    pub title: String,
    pub version: String,
    pub description: String,
    /// The address of the document that this is drawn from.
    pub document: String,
    pub groups: Vec<ApiGroup>,
    /// By name.
    pub schemas: Vec<ApiSchema>,
}

/// The operations of one tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiGroup {
    pub name: String,
    pub description: String,
    pub operations: Vec<ApiOperation>,
}

/// One method of one address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiOperation {
    /// Its place on the page: `get-api-runs`.
    pub anchor: String,
    /// `GET`, `POST`, …
    pub method: String,
    pub path: String,
    /// A line.
    pub summary: String,
    /// More lines; mostly empty.
    pub description: String,
    pub parameters: Vec<ApiField>,
    /// What is sent.
    pub body: Option<ApiShape>,
    pub answers: Vec<ApiAnswer>,
    /// A command line that does it.
    pub curl: String,
}

/// What may come back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiAnswer {
    pub status: String,
    pub description: String,
    /// Its content type; empty where it has no body.
    pub kind: String,
    pub shape: ApiShape,
}

/// A parameter, or a field of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiField {
    pub name: String,
    /// Where a parameter stands: `path`, `query` or `header`; empty for a field.
    pub place: String,
    pub required: bool,
    pub shape: ApiShape,
    pub description: String,
}

/// A named shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiSchema {
    pub name: String,
    pub description: String,
    /// One for most; several where it is one thing or another.
    pub forms: Vec<ApiForm>,
}

/// One form of a schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiForm {
    pub description: String,
    /// In place of fields, where it is no object.
    pub shape: ApiShape,
    pub fields: Vec<ApiField>,
}

/// A shape in words: `list of RunSummary`.
pub type ApiShape = Vec<ApiWord>;

/// A word of a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiWord {
    Text(String),
    /// The name of a schema on the page.
    Schema(String),
}
