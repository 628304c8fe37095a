//! The list of runs: narrowed, sorted, grouped, paged, and quick with thousands.

use crate::made_run::{MadeRun, now_ms};
use crate::served::{Served, folder, wait_for};
use app::view::{Direction, RunChoice, RunRow, RunSort};
use datasets::event::EventKind;
use sayself_server::db::{Database, Location};
use sayself_server::labels::Noted;
use sayself_server::runs::catalogue::{Asked, Listed, Place};
use sayself_server::runs::{Library, Root};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::BufRead;
use std::path::Path;
use std::time::Instant;

/// More than are looked at as a whole while a visitor waits.
const MANY: u32 = 250;
const THOUSANDS: u32 = 5_000;

/// A bare evaluation with figures that repeat, so that sorts have ties; some have none.
fn small_run(folder: &Path, number: u32) {
    let share = |modulus: u32| f64::from(number % modulus) / f64::from(modulus);
    let method = ["sayself", "direct-prompting", "verbalized"][number as usize % 3];
    let mut metrics = json!({
        "n": 10 + number % 90, "method": method,
        "model": format!("model-{}", number % 5), "questions": format!("Set {}", number % 4),
        "accuracy": share(11), "ece_10": share(13), "smece": share(17), "brier": share(19), "auroc": share(23),
    });
    if number.is_multiple_of(7) {
        metrics["auroc"] = Value::Null;
    }
    let run = MadeRun {
        directory: folder.join(format!("run-{number}")),
    };
    if number % 50 == 3 {
        // Just configured: no figure at all.
        run.write("run.toml", &format!("title = 'Configured {number}'\n"));
    } else {
        run.write("metrics.json", &metrics.to_string());
    }
}

fn root(path: &Path) -> Root {
    Root {
        path: path.to_owned(),
        recorded: false,
    }
}

fn page(library: &Library, choice: &RunChoice, after: Option<&Place>, limit: usize) -> Listed {
    library.shelf().0.page(&Asked {
        choice,
        after,
        limit,
        noted: &Noted::default(),
        process_of: &|_| None,
    })
}

/// All rows, page by page, each cursor written and read as an address has it.
fn all(library: &Library, choice: &RunChoice, limit: usize) -> Vec<RunRow> {
    let mut rows = Vec::new();
    let mut after: Option<Place> = None;
    loop {
        let listed = page(library, choice, after.as_ref(), limit);
        assert_eq!(listed.before, rows.len() as u64);
        rows.extend(listed.rows);
        let Some(next) = listed.next else {
            assert_eq!(listed.matching, rows.len() as u64);
            return rows;
        };
        after = Some(Place::from_cursor(&next.to_cursor(), choice).unwrap());
    }
}

/// What a column shows of a row, as a number that sorts like it; `None`: nothing.
fn shown(row: &RunRow, sort: RunSort) -> Option<f64> {
    let metrics = row.run.metrics.as_ref()?;
    match sort {
        RunSort::N => Some(metrics.n as f64),
        RunSort::Accuracy => metrics.accuracy.value,
        RunSort::Ece => metrics.ece.value,
        RunSort::Smece => metrics.smece.value,
        RunSort::Brier => metrics.brier.value,
        RunSort::Auroc => metrics.auroc.value,
        _ => None,
    }
}

fn words(row: &RunRow, sort: RunSort) -> String {
    match sort {
        RunSort::Title => row.run.title.to_lowercase(),
        RunSort::State => app::view::state_word(&row.run.state).to_owned(),
        RunSort::Model => row.run.model.to_lowercase(),
        RunSort::Method => row.run.method.to_lowercase(),
        _ => row.run.questions.to_lowercase(),
    }
}

#[test]
fn five_thousand_runs_are_paged_whole_in_every_order() {
    let runs = folder();
    for number in 0..THOUSANDS {
        small_run(runs.path(), number);
    }
    let library = Library::new(vec![root(runs.path())], Vec::new());
    for sort in RunSort::ALL {
        for direction in [Direction::Ascending, Direction::Descending] {
            for grouped in [false, true] {
                let choice = RunChoice {
                    sort,
                    direction,
                    grouped,
                    ..RunChoice::default()
                };
                let what = format!("{sort:?} {direction:?} {grouped}");
                let rows = all(&library, &choice, 197);
                let ids: HashSet<&str> = rows.iter().map(|row| row.run.id.as_str()).collect();
                assert_eq!((rows.len(), ids.len()), (5_000, 5_000), "{what}");
                for pair in rows.windows(2) {
                    let (left, right) = (&pair[0], &pair[1]);
                    if grouped && left.run.questions != right.run.questions {
                        assert!(left.run.questions < right.run.questions, "{what}");
                        continue;
                    }
                    let is_right = match sort {
                        RunSort::Started => true,
                        RunSort::N
                        | RunSort::Accuracy
                        | RunSort::Ece
                        | RunSort::Smece
                        | RunSort::Brier
                        | RunSort::Auroc => match (shown(left, sort), shown(right, sort)) {
                            (None, right) => right.is_none(),
                            (Some(_), None) => true,
                            (Some(left), Some(right)) if direction == Direction::Ascending => {
                                left <= right
                            }
                            (Some(left), Some(right)) => left >= right,
                        },
                        _ => match (words(left, sort), words(right, sort)) {
                            (left, right) if left.is_empty() => right.is_empty(),
                            (_, right) if right.is_empty() => true,
                            (left, right) if direction == Direction::Ascending => left <= right,
                            (left, right) => left >= right,
                        },
                    };
                    assert!(is_right, "{what}: {} before {}", left.run.id, right.run.id);
                }
            }
        }
    }
}

#[test]
fn rows_that_come_and_go_neither_repeat_nor_hide_others() {
    for sort in [
        RunSort::Started,
        RunSort::Title,
        RunSort::Ece,
        RunSort::Auroc,
    ] {
        let runs = folder();
        for number in 0..40 {
            small_run(runs.path(), number);
        }
        let choice = RunChoice::default().sorted(sort);
        let library = || Library::new(vec![root(runs.path())], Vec::new());
        let first = page(&library(), &choice, None, 10);
        let next = first.next.unwrap();
        // The very run that the cursor names goes, another of the first page, and one of the rest.
        let gone = [&first.rows[9].run.id, &first.rows[3].run.id];
        let rest = page(&library(), &choice, Some(&next), 40);
        let gone_later = rest.rows[5].run.id.clone();
        for id in gone.into_iter().chain([&gone_later]) {
            std::fs::remove_dir_all(runs.path().join(id)).unwrap();
        }
        for number in 40..50 {
            small_run(runs.path(), number);
        }
        let after: Vec<String> = page(&library(), &choice, Some(&next), 100)
            .rows
            .into_iter()
            .map(|row| row.run.id)
            .collect();
        let expected: Vec<&String> = rest
            .rows
            .iter()
            .map(|row| &row.run.id)
            .filter(|id| **id != gone_later)
            .collect();
        let kept: Vec<&String> = after.iter().filter(|id| expected.contains(id)).collect();
        assert_eq!(kept, expected, "{sort:?}");
        let seen: HashSet<&String> = first.rows.iter().map(|row| &row.run.id).collect();
        assert!(after.iter().all(|id| !seen.contains(id)), "{sort:?}");
    }
}

#[test]
fn a_start_reads_only_what_has_changed_since_the_last() {
    let runs = folder();
    for number in 0..THOUSANDS {
        small_run(runs.path(), number);
    }
    let first = Library::new(vec![root(runs.path())], Vec::new());
    assert_eq!(first.shelf().0.runs().len(), 5_000);
    let read = first.folders().take_fresh();
    assert_eq!(read.len(), 5_000);
    let place = folder();
    let location = Location::Sqlite(place.path().join("index.db"));
    let index = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let database = Database::open(&location).await.unwrap();
        database.store_index(&read).await.unwrap();
        database.close().await;
        let database = Database::open(&location).await.unwrap();
        database.index().await.unwrap()
    });
    assert_eq!(index.len(), 5_000);
    small_run(runs.path(), 5_001);
    let changed = MadeRun {
        directory: runs.path().join("run-8"),
    };
    changed.write("metrics.json", r#"{"n": 1, "method": "sayself"}"#);
    let second = Library::new(vec![root(runs.path())], index);
    assert_eq!(second.shelf().0.runs().len(), 5_001);
    let mut read: Vec<String> = second
        .folders()
        .take_fresh()
        .into_iter()
        .map(|row| row.directory.rsplit('/').next().unwrap().to_owned())
        .collect();
    read.sort();
    assert_eq!(read, ["run-5001", "run-8"]);
}

#[test]
fn the_list_is_narrowed_sorted_and_grouped_as_the_address_says() {
    let runs = folder();
    for number in 0..60 {
        small_run(runs.path(), number);
    }
    let server = Served::over(runs.path());
    let list = |query: &str| server.get(&format!("/api/runs?limit=200{query}")).json();
    let count = |query: &str| list(query)["runs"].as_array().unwrap().len();
    assert_eq!(count(""), 60);
    assert_eq!(list("&model=model-2")["matching"], count("&model=model-2"));
    assert_eq!(count("&model=model-2"), 12);
    assert_eq!(count("&model=model-2&questions=Set%201"), 3);
    assert_eq!(count("&method=verbalized"), 19);
    assert_eq!(count("&state=waiting"), 2);
    assert_eq!(count("&state=finished"), 58);
    assert_eq!(count("&q=MODEL-2%20set"), 12);
    assert_eq!(count("&q=configured"), 2);
    assert_eq!(count("&model=no-such"), 0);
    let first = list("&sort=ece&limit=200");
    assert_eq!(first["runs"][0]["metrics"]["ece"]["value"], 0.0);
    // The list leaves out what only the Run page shows.
    assert_eq!(first["runs"][0]["metrics"]["metrics"], Value::Null);
    let worst = list("&sort=ece&direction=descending");
    let ece = worst["runs"][0]["metrics"]["ece"]["value"].as_f64();
    assert!((ece.unwrap() - 12.0 / 13.0).abs() < 1e-12);
    assert_eq!(worst["runs"][59]["metrics"], Value::Null);
    for query in [
        "sort=size",
        "direction=up",
        "group=model",
        "state=odd",
        "cursor=nonsense",
        "sort=title&cursor=n7.a",
        "sort=ece&cursor=t61.a",
        "group=questions&cursor=n7.a",
    ] {
        assert_eq!(
            server.get(&format!("/api/runs?{query}")).status,
            400,
            "{query}"
        );
        assert_eq!(server.get(&format!("/?{query}")).status, 400, "{query}");
    }
    let long = "x".repeat(201);
    assert_eq!(server.get(&format!("/api/runs?model={long}")).status, 400);

    let page = server.get("/?group=questions&sort=auroc&limit=20").text;
    assert!(page.contains("<tbody class=\"group\"") && page.contains("aria-sort=\"descending\""));
    assert!(page.contains("rel=\"next\""));
    let next = page.split("rel=\"next\" href=\"").nth(1).unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let second = server.get(&next).text;
    assert!(
        second.contains("(continued)") && second.contains("rel=\"first\""),
        "{next}"
    );
    assert!(
        server
            .get("/?model=no-such")
            .text
            .contains("No run matches all of this")
    );
    // A link to the list of before is one to the list of now.
    assert_eq!(
        server.get("/runs?sort=ece").header("location"),
        Some("/?sort=ece")
    );
}

#[test]
fn of_many_runs_a_new_one_is_there_at_once_and_a_changed_one_soon() {
    let runs = folder();
    for number in 0..MANY {
        small_run(runs.path(), number);
    }
    let server = Served::over(runs.path());
    let n_of =
        |id: &str| server.get(&format!("/api/runs?q={id}&limit=1")).json()["runs"][0]["n"].clone();
    assert_eq!(server.get("/api/runs").json()["matching"], MANY);
    MadeRun::bare_evaluation(runs.path(), "new");
    // Asked for by its name it is there now; in the list within a second.
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(server.get("/api/runs/new").status, 200);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(server.get("/api/runs").json()["matching"], MANY + 1);
    assert_eq!(n_of("new"), 20);
    let changed = MadeRun {
        directory: runs.path().join("new"),
    };
    changed.write("metrics.json", r#"{"n": 21, "method": "sayself"}"#);
    wait_for("the change", || (n_of("new") == 21).then_some(()));
    std::fs::remove_dir_all(&changed.directory).unwrap();
    wait_for("its end", || {
        (server.get("/api/runs").json()["matching"] == MANY).then_some(())
    });
    // A folder becomes a run when its first file is there.
    std::fs::create_dir(runs.path().join("later")).unwrap();
    assert_eq!(server.get("/api/runs/later").status, 404);
    std::thread::sleep(std::time::Duration::from_millis(200));
    MadeRun::bare_evaluation(runs.path(), "later");
    assert_eq!(server.get("/api/runs/later").status, 200);
}

#[test]
fn one_stream_tells_the_states_of_several_runs() {
    let runs = folder();
    let run = |id: &str| MadeRun {
        directory: runs.path().join(id),
    };
    for id in ["a", "b c"] {
        run(id).write("run.toml", "[[evaluate]]\nmethod = 'sayself'\n");
    }
    MadeRun::bare_evaluation(runs.path(), "done");
    let server = Served::over(runs.path());
    let mut stream = server.follow("/api/states?run=a&run=b%20c&run=done&run=none", None);
    let mut next = || {
        let mut name = String::new();
        loop {
            let mut line = String::new();
            assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended");
            if let Some(event) = line.strip_prefix("event:") {
                name = event.trim().to_owned();
            } else if let Some(data) = line.strip_prefix("data:") {
                let state: Value = serde_json::from_str(data.trim()).unwrap();
                return (name, state["state"].as_str().unwrap().to_owned());
            }
        }
    };
    let told = |name: &str, state: &str| (name.to_owned(), state.to_owned());
    assert_eq!(next(), told("run-a", "waiting"));
    assert_eq!(next(), told("run-b%20c", "waiting"));
    assert_eq!(next(), told("run-done", "finished"));
    run("b c").event(
        now_ms(),
        "sample",
        EventKind::Started {
            done: 0,
            total: 10,
            unit: "questions".into(),
        },
    );
    assert_eq!(next(), told("run-b%20c", "running"));
    let many: String = (0..51).map(|number| format!("&run={number}")).collect();
    assert_eq!(server.get("/api/states").status, 400);
    assert_eq!(server.get(&format!("/api/states?x{many}")).status, 400);
    // One who follows does not hold the server up.
    assert!(server.stop().success());
}

/// `cargo nextest run --release -p sayself-server --run-ignored only timing --no-capture`
#[test]
#[ignore = "prints times, which say nothing on a busy machine"]
fn timing_of_five_thousand_runs() {
    let runs = folder();
    for number in 0..THOUSANDS {
        small_run(runs.path(), number);
    }
    let timed = |what: &str, work: &mut dyn FnMut()| {
        let started = Instant::now();
        work();
        println!("{what}: {:.1} ms", started.elapsed().as_secs_f64() * 1e3);
    };
    let library = Library::new(vec![root(runs.path())], Vec::new());
    timed("first look, every folder read", &mut || {
        drop(library.shelf())
    });
    let index = library.folders().take_fresh();
    let library = Library::new(vec![root(runs.path())], index);
    timed("first look, all in the index", &mut || {
        drop(library.shelf())
    });
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    timed("a later look that a visitor waits for", &mut || {
        drop(library.shelf())
    });
    for sort in [
        RunSort::Started,
        RunSort::Ece,
        RunSort::Title,
        RunSort::State,
    ] {
        let choice = RunChoice::default().sorted(sort);
        timed(&format!("a page by {sort:?}, first"), &mut || {
            drop(page(&library, &choice, None, 50));
        });
        timed(&format!("a page by {sort:?}, again"), &mut || {
            drop(page(&library, &choice, None, 50));
        });
    }
    let server = Served::over(runs.path());
    server.get("/");
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    for path in [
        "/",
        "/",
        "/?sort=ece",
        "/?q=model-3&sort=auroc&group=questions",
        "/api/runs",
    ] {
        timed(path, &mut || drop(server.get(path)));
    }
    #[cfg(target_os = "linux")]
    println!(
        "the server's most memory: {} MiB",
        server.peak_memory_kib() / 1024
    );
}
