//! Mistakes in files, real or apparent: what a run and the doctor say about them.

use segue::doctor::{Depth, Verdict};
use serde_json::json;

use super::directory::{Directory, case};
use super::{column, sessions, world_with_paths};

#[tokio::test(start_paused = true)]
async fn what_looks_odd_and_loads_is_not_called_bad() {
    let Some(cases) = case("doctor-says-bad-and-the-run-loads") else { return };
    for name in [
        "byte-order-mark",
        "deep",
        "half-a-surrogate",
        "hidden-file",
        "large-number",
        "nested-paths",
        "only-a-mark",
    ] {
        let world = world_with_paths();
        // Hidden files are in the bucket, too.
        super::put_everything(&world, &cases.join(name));
        let diagnosis = world.doctor(Depth::Sample).await;
        assert!(diagnosis.is_healthy(), "{name}: {:?}", diagnosis.lines(Verdict::Bad));
        if name == "hidden-file" {
            let good = diagnosis.lines(Verdict::Good).join("\n");
            assert!(good.contains("files: 1 file under s3://landing/log_data/"), "{good}");
            let planned = world.preview().await.plan;
            let events = planned.sources.iter().find(|one| one.source == "events");
            assert_eq!(events.map(|one| one.objects), Some(1));
        }
        world.load().await;
        assert_eq!(sessions(&world).await, ["1"], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_key_is_named_by_the_key_to_write_and_never_by_another_value() {
    let Some(cases) = case("message-about-a-key") else { return };
    for (name, diagnosis) in [
        ("no-key", "the record has no itemInSession, by the path $['itemInSession']"),
        (
            "key-like-the-column",
            "the record has item_in_session, not itemInSession, by the path $['itemInSession']",
        ),
        ("song-key-in-another-case", "the record has Title, not title"),
        ("comma-behind", "found a comma after a document"),
    ] {
        let folder = cases.join(name);
        for compact in ["never", "always"] {
            let world = world_with_paths();
            Directory::of(&folder).upload(&world);
            let doctor = world.doctor(Depth::Sample).await.lines(Verdict::Bad).join("\n");
            assert!(doctor.contains(diagnosis), "{name}: {doctor}");
            let ended = world.run(json!({"compact": compact})).await;
            assert_eq!(ended.error.as_deref(), Some("LoadRejected"), "{name} {compact}");
            let cause = ended.cause.unwrap_or_default();
            assert!(cause.contains(diagnosis), "{name} {compact}: {cause}");
            for wrong in ["item_in_session is 0", "title is \"", "must begin with {"] {
                assert!(!cause.contains(wrong), "{name} {compact}: {cause}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_pages_spelt_otherwise_one_is_a_play_as_on_redshift() {
    let Some(case) = case("no-play-at-all/data") else { return };
    let world = world_with_paths();
    Directory::of(&case).upload(&world);
    let ended = world.load().await;
    // Blanks at the end of a text do not count.
    assert_eq!(sessions(&world).await, ["2"], "{:?}", ended.output);
}

#[tokio::test(start_paused = true)]
async fn keys_in_another_case_are_warned_of_by_the_doctor_and_the_run() {
    let Some(case) = case("optional-keys-spelt-otherwise/data") else { return };
    let world = world_with_paths();
    Directory::of(&case).upload(&world);
    let diagnosis = world.doctor(Depth::Sample).await;
    assert!(diagnosis.is_healthy(), "{:?}", diagnosis.lines(Verdict::Bad));
    let warnings = diagnosis.lines(Verdict::Warning).join("\n");
    for (key, column) in [("userid", "user_id"), ("Level", "level"), ("Song", "song")] {
        assert!(warnings.contains(&format!("no column takes {key} (")), "{key}: {warnings}");
        assert!(warnings.contains(&format!("{column} is filled by $")), "{column}: {warnings}");
    }
    let ended = world.load().await;
    assert!(ended.output["warnings"].to_string().contains("column_name user_id"));
    assert_eq!(column(&world, "select user_id from mart.users").await, []);
}

#[tokio::test(start_paused = true)]
async fn a_table_of_odd_texts_has_one_line_a_row_and_equal_names_stay_apart() {
    let Some(case) = case("query-text-and-cells/data") else { return };
    let world = world_with_paths();
    Directory::of(&case).upload(&world);
    world.load().await;
    let rows = world.ask("select title, artist_name from mart.songs order by song_id").await;
    let mut table = Vec::new();
    rows.write_table(&mut table).expect("memory");
    let table = String::from_utf8(table).expect("UTF-8");
    insta::assert_snapshot!(table, @r#"
    | title          | artist_name    |
    |----------------|----------------|
    | Intro \| Outro | Two\nLines     |
    | esc\x1b[31mred | Nordwind Duo 1 |
    "#);

    let Some(case) = super::case("query-columns-of-one-name") else { return };
    let sql = std::fs::read_to_string(case.join("query.sql")).expect("a statement");
    let mut json = Vec::new();
    world.ask(&sql).await.write_json(&mut json).expect("memory");
    let rows: Vec<std::collections::BTreeMap<String, u8>> =
        serde_json::from_slice(&json).expect("JSON");
    assert_eq!(rows[0].values().copied().collect::<Vec<_>>(), [1, 2], "{rows:?}");
}
