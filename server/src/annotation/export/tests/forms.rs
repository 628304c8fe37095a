use super::*;

#[test]
fn label_studio_has_tasks_with_annotations() {
    let data = singles();
    let tasks: Vec<Value> =
        serde_json::from_str(&text(What::LabelStudio, Form::Jsonl, &data)).unwrap();
    assert_eq!(tasks.len(), 2);
    assert_eq!(
        tasks[0]["data"]["evidence"],
        "Rome: 70% (7 of 10)\n(no answer): 30% (3 of 10)"
    );
    let of_bea = &tasks[0]["annotations"][1]["result"];
    assert_eq!(of_bea[0]["value"]["number"], 4);
    // The face is two units of the browser, and one character.
    assert_eq!(
        (&of_bea[1]["value"]["start"], &of_bea[1]["value"]["end"]),
        (&2.into(), &6.into())
    );
    assert_eq!(of_bea[1]["value"]["text"], "Rome");
    assert_eq!(tasks[1]["annotations"][1]["was_cancelled"], true);
    let config = text(What::LabelStudioConfig, Form::Jsonl, &data);
    assert!(config.contains("<Number name=\"score\" toName=\"rationale\" min=\"0\" max=\"10\""));
    assert!(
        config.contains("**10** It names everything") && config.contains("SHA-256 of the spec 5e")
    );
}

#[test]
fn argilla_has_records_with_responses() {
    let data = pairs();
    let records: Vec<Value> =
        serde_json::from_str(&text(What::Argilla, Form::Jsonl, &data)).unwrap();
    let [record] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!(record["fields"]["first"], "😀 Rome or Oslo");
    assert_eq!(record["responses"]["choice"][2]["value"], "both-bad");
    let users: Vec<&Value> = (0..3)
        .map(|at| &record["responses"]["choice"][at]["user_id"])
        .collect();
    assert!(users[0] != users[1] && users[1] != users[2]);
    let settings: Value =
        serde_json::from_str(&text(What::ArgillaSettings, Form::Jsonl, &data)).unwrap();
    assert_eq!(settings["guidelines"], RUBRIC_PAIRS);
    assert_eq!(
        settings["questions"][0]["settings"]["options"][3]["value"],
        "both-bad"
    );
}

#[test]
fn what_is_no_table_has_no_csv() {
    let error = write(What::Argilla, Form::Csv, &pairs()).unwrap_err();
    assert!(error.to_string().contains("argilla is no table"));
    let made = write(What::Ratings, Form::Csv, &pairs()).unwrap();
    assert_eq!(made.file_name, "0198-ratings.csv");
    for what in What::ALL {
        assert_eq!(What::from_word(what.word()), Some(what));
    }
}
