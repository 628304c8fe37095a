//! What a request carries, JSON or a form; what is neither is refused with what to send.

use super::problem::Failure;
use super::query::Parameters;
use axum::Json;
use axum::extract::RawForm;
use axum::extract::rejection::{JsonRejection, RawFormRejection};

/// A request's JSON; `such_as` is an example of it.
///
/// # Errors
/// What is no JSON, of another shape, or too long.
pub fn json<T>(request: Result<Json<T>, JsonRejection>, such_as: &str) -> Result<T, Failure> {
    request.map(|Json(request)| request).map_err(|rejection| {
        Failure::new(
            rejection.status(),
            rejection.body_text(),
            format!("Send JSON such as {such_as}, as application/json."),
        )
    })
}

/// The fields of a form.
///
/// # Errors
/// What is no form, or too long.
pub fn fields(form: Result<RawForm, RawFormRejection>) -> Result<Parameters, Failure> {
    let RawForm(form) = form.map_err(|rejection| {
        Failure::new(
            rejection.status(),
            rejection.body_text(),
            "Send the form as application/x-www-form-urlencoded.",
        )
    })?;
    Ok(Parameters::from_form(&form))
}
