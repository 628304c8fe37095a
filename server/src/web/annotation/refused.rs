//! Refusals in the envelope of all failures.

use crate::annotation::refusal::Refusal;
use crate::db::DatabaseError;
use crate::web::problem::Failure;
use axum::http::StatusCode;

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Wrong(wrong) => Failure::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("Nothing was changed: {}", wrong.join(" ")),
                "Correct it, and send it again.",
            ),
            Refusal::Unknown(what) => Failure::new(
                StatusCode::NOT_FOUND,
                format!("There is no such {what} here."),
                "Look at the page Annotate for what there is.",
            ),
            Refusal::NotAllowed(words) => Failure::new(
                StatusCode::FORBIDDEN,
                format!("Nothing was changed: {words}"),
                "See the page of the work, or ask those who run the project.",
            ),
            Refusal::Standing(words) => Failure::new(
                StatusCode::CONFLICT,
                format!("Nothing was changed: {words}"),
                "See the project's page for how it stands.",
            ),
            Refusal::Kept { words, kept } => {
                let failure = Failure::new(
                    StatusCode::CONFLICT,
                    format!("Nothing was changed: {words}"),
                    "What is kept is told beside. To replace it, rate the item again.",
                );
                match kept.and_then(|kept| serde_json::to_value(kept).ok()) {
                    Some(kept) => failure.with_member("kept", kept),
                    None => failure,
                }
            }
            Refusal::Busy => Failure::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Nothing was changed: too many ratings are on their way at once.",
                "Send it again in a moment.",
            )
            .retry_after(1),
            Refusal::Lost => Failure::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The server stopped in the middle of it.",
                "Send it again, with the same key: it is kept once.",
            )
            .retry_after(1),
            Refusal::Database(error) => without_answer(&error),
        }
    }
}

fn without_answer(error: &DatabaseError) -> Failure {
    tracing::error!(%error, "annotation: {error}");
    if error.is_full() {
        return Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Nothing was changed: the server's disk is full.",
            "Whoever runs the server makes room; then send it again, with the same key.",
        )
        .retry_after(30);
    }
    Failure::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "The database does not answer.",
        "Send it again, with the same key: it is kept once. If it stays, the server's log says why.",
    )
    .retry_after(2)
}
