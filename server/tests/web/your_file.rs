use crate::served::{Served, folder};

/// A folder of assets with the least that the server asks for.
fn assets() -> tempfile::TempDir {
    let assets = folder();
    std::fs::write(assets.path().join("app.js"), "").unwrap();
    std::fs::write(assets.path().join("app_bg.wasm"), "").unwrap();
    let own = assets.path().join("your-file");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("worker.js"), "// the worker").unwrap();
    std::fs::write(own.join("page.js"), "// the page").unwrap();
    assets
}

fn served(assets: &std::path::Path, runs: &std::path::Path) -> Served {
    Served::with(&[
        "--runs",
        runs.to_str().unwrap(),
        "--assets",
        assets.to_str().unwrap(),
    ])
}

#[test]
fn the_page_has_its_form_and_says_what_to_type_without_scripts() {
    let (assets, runs) = (assets(), folder());
    let server = served(assets.path(), runs.path());
    let page = server.get("/your-file");
    assert_eq!(page.status, 200);
    for part in [
        "id=\"file-form\"",
        "<noscript>",
        "sayself metrics FILE --bootstrap 1000",
        "/assets/your-file/page.js",
        "data-piece=\"measures\"",
    ] {
        assert!(page.text.contains(part), "{part}");
    }
    // The theme's script and the page's own, all with the nonce that the policy names, as is the style sheet.
    let policy = page.header("content-security-policy").unwrap();
    let nonce = policy.split("'nonce-").nth(1).unwrap();
    let nonce = nonce.split('\'').next().unwrap();
    let scripts = page.text.matches("<script").count();
    assert_eq!(scripts, 2);
    assert_eq!(
        page.text.matches(&format!("nonce=\"{nonce}\"")).count(),
        scripts + 1
    );
    let tag = page.header("etag").unwrap();
    let again = server.get_with("/your-file", &[("if-none-match", tag)]);
    assert_eq!(again.status, 304);
}

#[test]
fn without_the_module_it_says_what_to_type() {
    let runs = folder();
    let empty = folder();
    std::fs::write(empty.path().join("app.js"), "").unwrap();
    std::fs::write(empty.path().join("app_bg.wasm"), "").unwrap();
    let server = Served::over(runs.path());
    let page = server.get("/your-file");
    if !page.text.contains("file-form") {
        assert!(page.text.contains("Nothing can be measured here."));
        assert!(!page.text.contains("page.js"));
    }
    // An older bundle: the page's script finds nothing, and shows the word that is there already.
    let server = served(empty.path(), runs.path());
    assert_eq!(server.get("/assets/your-file/page.js").status, 404);
    assert!(
        server
            .get("/your-file")
            .text
            .contains("id=\"file-fallback\"")
    );
}

#[test]
fn the_worker_may_reach_no_network() {
    let (assets, runs) = (assets(), folder());
    let server = served(assets.path(), runs.path());
    let worker = server.get("/assets/your-file/worker.js");
    assert_eq!(
        (worker.status, worker.text.as_str()),
        (200, "// the worker")
    );
    let policy = worker.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!policy.contains("connect-src"), "{policy}");
    assert!(
        worker
            .header("content-type")
            .unwrap()
            .starts_with("text/javascript")
    );
    // All else beside it may do nothing at all.
    let page = server.get("/assets/your-file/page.js");
    assert_eq!(
        page.header("content-security-policy"),
        Some("default-src 'none'; frame-ancestors 'none'")
    );
    // Nothing can be sent there.
    let sent = server.post("/your-file", &serde_json::json!({}));
    assert_eq!(sent.status, 405);
}
