//! `docs/add-a-column.md`, followed on a warehouse with rows.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use segue_contract::pipeline::FOLDER_VARIABLE;
use walkdir::WalkDir;

use super::shapes::shape;
use super::{BEFORE, SONG, all_by, assert_nothing_is_lost, earlier, migrated, recorded};
use crate::model::Source;
use crate::world::{Mischief, World};

const PAGE: &str = include_str!("../../../docs/add-a-column.md");
const NAME: &str = "migrations::walk::a_column_is_added_as_the_page_says";
/// The last line of the columns of `mart.songs`, after which the page adds one.
const LAST_COLUMNS: &str = "    run_id varchar(80),\n    loaded_at timestamp,\n";

/// The blocks of SQL in the page, without its indentation.
fn blocks() -> Vec<String> {
    let blocks = PAGE.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next());
    let unindented = |block: &str| {
        let lines = block.lines().map(|line| line.strip_prefix("   ").unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n")
    };
    blocks.map(unindented).collect()
}

/// The project's SQL, changed as the page says.
fn write_changed_sql(folder: &Path) {
    let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql");
    for entry in WalkDir::new(&sql).into_iter().map(|entry| entry.expect("an entry")) {
        let to = folder.join(entry.path().strip_prefix(&sql).expect("below sql/"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(to).expect("a folder");
        } else {
            fs::copy(entry.path(), to).expect("a file");
        }
    }
    let blocks = blocks();
    let [column, migration] = blocks.as_slice() else { panic!("two blocks: {blocks:?}") };
    let number = all_by("").len() + 1;
    fs::write(folder.join(format!("migrate/{number:04}_genre.sql")), migration).expect("written");
    let create = folder.join("create/20_mart.sql");
    let text = fs::read_to_string(&create).expect("a file");
    let (before, songs) =
        text.split_once("create table if not exists mart.songs (").expect("songs");
    let songs = songs.replacen(LAST_COLUMNS, &format!("{LAST_COLUMNS}    {},\n", column.trim()), 1);
    let changed = format!("{before}create table if not exists mart.songs ({songs}");
    fs::write(create, changed).expect("written");
}

/// The SQL is read once in a process, so the changed SQL has its own.
#[test]
fn a_column_is_added_as_the_page_says() {
    if env::var_os(FOLDER_VARIABLE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().start_paused(true).build().expect("a runtime");
        return runtime.block_on(add_a_column());
    }
    let folder = tempfile::tempdir().expect("a folder");
    write_changed_sql(folder.path());
    let program = env::current_exe().expect("this test's program");
    let mut test = Command::new(program);
    let ended = test.args(["--exact", NAME]).env(FOLDER_VARIABLE, folder.path()).output();
    let ended = ended.expect("it runs");
    let printed = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && printed.contains("1 passed"), "{printed}");
}

async fn add_a_column() {
    let added = all_by("run-0");
    assert!(added.last().is_some_and(|last| last.ends_with("genre run-0")), "{added:?}");
    let world = earlier(BEFORE, Mischief::none()).await;
    assert_eq!(migrated(&world.load().await), added.len());
    assert_eq!(recorded(&world).await, added);
    assert_nothing_is_lost(&world).await;
    let genres = world.rows("select genre from mart.songs").await;
    assert_eq!(genres, [[None], [None]]);
    assert_eq!(migrated(&world.load().await), 0);

    let new = World::new();
    new.put(Source::Songs, "a.json", SONG);
    assert_eq!(migrated(&new.load().await), 0);
    assert_eq!(shape(&new).await, shape(&world).await);
}
