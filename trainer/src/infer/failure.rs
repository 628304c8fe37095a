//! What went wrong, in OpenAI's envelope: `{"error": {"message", "type", "param", "code"}}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The type of whatever the client did wrong.
const INVALID: &str = "invalid_request_error";
/// The type of what is the server's own.
const SERVER: &str = "server_error";

/// A failure on its way to the client.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub status: StatusCode,
    pub message: String,
    kind: &'static str,
    pub param: Option<String>,
    pub code: Option<&'static str>,
    retry_after_s: Option<u64>,
}

impl Failure {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Failure {
            status,
            message: message.into(),
            kind,
            param: None,
            code: None,
            retry_after_s: None,
        }
    }

    fn with_code(self, code: &'static str) -> Self {
        Failure {
            code: Some(code),
            ..self
        }
    }

    /// The request as a whole cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Failure::new(StatusCode::BAD_REQUEST, INVALID, message)
    }

    /// A parameter has a value that it cannot have.
    pub fn bad_value(param: &str, message: impl Into<String>) -> Self {
        Failure {
            param: Some(param.to_owned()),
            ..Failure::bad_request(message)
        }
        .with_code("invalid_value")
    }

    /// A parameter that must be there is not.
    pub fn missing(param: &str) -> Self {
        Failure {
            param: Some(param.to_owned()),
            ..Failure::bad_request(format!("`{param}` is needed."))
        }
        .with_code("missing_required_parameter")
    }

    /// A parameter that would change the answer, and that this server does not have.
    pub fn unsupported(param: &str, message: impl Into<String>) -> Self {
        Failure {
            param: Some(param.to_owned()),
            ..Failure::bad_request(message)
        }
        .with_code("unsupported_parameter")
    }

    /// A prompt that leaves no room for an answer.
    pub fn too_long(param: &str, tokens: usize, context: usize) -> Self {
        Failure {
            param: Some(param.to_owned()),
            ..Failure::bad_request(format!(
                "This model's context is {context} tokens; the prompt has {tokens}, and at least one is \
                 needed for the answer. Shorten it."
            ))
        }
        .with_code("context_length_exceeded")
    }

    pub fn too_large(bytes_max: usize) -> Self {
        let message = format!("The body is over {bytes_max} bytes.");
        Failure::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID, message)
    }

    pub fn slow_body(seconds: u64) -> Self {
        let message = format!("The body did not come within {seconds} seconds.");
        Failure::new(StatusCode::REQUEST_TIMEOUT, INVALID, message)
    }

    pub fn no_model(name: &str) -> Self {
        let message =
            format!("The model `{name}` does not exist here; GET /v1/models names those that do.");
        Failure {
            param: Some("model".to_owned()),
            ..Failure::new(StatusCode::NOT_FOUND, INVALID, message)
        }
        .with_code("model_not_found")
    }

    pub fn no_address(method: &str, path: &str) -> Self {
        let message = format!("Unknown request URL: {method} {path}.");
        Failure::new(StatusCode::NOT_FOUND, INVALID, message).with_code("unknown_url")
    }

    pub fn no_method(method: &str, path: &str) -> Self {
        let message = format!("Not allowed to {method} on {path}.");
        Failure::new(StatusCode::METHOD_NOT_ALLOWED, INVALID, message)
            .with_code("method_not_supported")
    }

    pub fn no_key() -> Self {
        let message = "A key is needed: `Authorization: Bearer KEY`, and it must be the right one.";
        Failure::new(StatusCode::UNAUTHORIZED, INVALID, message).with_code("invalid_api_key")
    }

    pub fn other_host() -> Self {
        let message = "This server answers to this machine's own names only: ask for it as 127.0.0.1 or \
                       localhost.";
        Failure::new(StatusCode::MISDIRECTED_REQUEST, INVALID, message).with_code("wrong_host")
    }

    pub fn other_site() -> Self {
        let message = "Another site's page asked. The operator may allow it by --allow-origin.";
        Failure::new(StatusCode::FORBIDDEN, INVALID, message).with_code("wrong_origin")
    }

    /// More wait than may.
    pub fn busy(retry_after_s: u64) -> Self {
        let message =
            format!("Too many requests are waiting. Try again in {retry_after_s} seconds or so.");
        Failure {
            retry_after_s: Some(retry_after_s),
            ..Failure::new(StatusCode::TOO_MANY_REQUESTS, "requests", message)
        }
        .with_code("rate_limit_exceeded")
    }

    /// The server ends, and takes nothing new.
    pub fn stopping() -> Self {
        Failure {
            retry_after_s: Some(super::limits::RETRY_SECONDS_MIN),
            ..Failure::new(
                StatusCode::SERVICE_UNAVAILABLE,
                SERVER,
                "The server is being stopped. Try again in a moment.",
            )
        }
        .with_code("stopping")
    }

    pub fn timed_out(seconds: u64) -> Self {
        let message = format!("The answer took longer than {seconds} seconds and was given up.");
        Failure::new(StatusCode::GATEWAY_TIMEOUT, SERVER, message).with_code("timeout")
    }

    /// An own fault; the log has the rest.
    pub fn internal() -> Self {
        let message = "The server made a mistake; its log says which.";
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, SERVER, message)
    }

    /// The envelope.
    pub fn envelope(&self) -> Value {
        json!({ "error": {
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
        } })
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.envelope())).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
