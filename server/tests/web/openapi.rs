use crate::served::{Served, folder};

/// A change of the document is a change of the contract: look at it, then
/// `INSTA_UPDATE=always cargo nextest run -p sayself-server openapi`.
#[test]
fn the_document_is_locked() {
    let document = serde_json::to_value(sayself_server::web::openapi()).unwrap();
    insta::assert_json_snapshot!("openapi", document);
}

#[test]
fn the_document_is_served() {
    let runs = folder();
    let server = Served::over(runs.path());
    let document = server.get("/api/openapi.json").json();
    assert_eq!(
        document["openapi"].as_str().unwrap().split('.').next(),
        Some("3")
    );
    for path in [
        "/api/runs",
        "/api/runs/{id}/events",
        "/api/jobs/{id}/retry",
        "/api/jobs/{id}/log",
        "/api/jobs/{id}/events",
        "/api/config-schema",
        "/api/stages",
        "/healthz",
        "/readyz",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}
