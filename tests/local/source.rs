//! A source that is added as docs/add-a-source.md says, with nothing else.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::services::Services;
use crate::stack::{Stack, has_succeeded, root, song};

/// The text that a step of the page adds, and where.
struct Step {
    file: String,
    /// The beginning of the line above which it goes; a new file has none.
    above: Option<String>,
    text: String,
}

/// Reads the steps: "In the new file `a`:" or "In `a`, above `b`:", followed by a block.
fn steps(page: &str) -> Vec<Step> {
    let (mut steps, mut lines) = (Vec::new(), page.lines());
    while let Some(line) = lines.next() {
        let names: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        let (file, above) = match names[..] {
            [file] if line.starts_with("In the new file `") => (file, None),
            [file, above] if line.starts_with("In `") => (file, Some(above.to_owned())),
            _ => continue,
        };
        let block = lines.by_ref().skip_while(|line| !line.starts_with("```")).skip(1);
        let text: String =
            block.take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        steps.push(Step { file: file.to_owned(), above, text });
    }
    steps
}

impl Step {
    fn follow(&self, checkout: &Path) {
        let path = checkout.join(&self.file);
        let Some(above) = &self.above else {
            assert!(!path.exists(), "{} is no new file", self.file);
            return fs::write(path, &self.text).expect("written");
        };
        let text = fs::read_to_string(&path).expect("a file");
        let lines: Vec<&str> = text.lines().collect();
        let is_there = |line: &str| line.trim_start().starts_with(above);
        assert_eq!(lines.iter().filter(|line| is_there(line)).count(), 1, "{above} is one line");
        let at = lines.iter().position(|line| is_there(line)).expect("a line");
        let [before, after] = [&lines[..at], &lines[at..]].map(|part| part.join("\n"));
        fs::write(path, format!("{before}\n{}{after}\n", self.text)).expect("written");
    }
}

#[test]
fn a_source_is_added_by_the_steps_of_its_page_and_known_everywhere() {
    let stack = Stack::with_own_checkout();
    let page = fs::read_to_string(root().join("docs/add-a-source.md")).expect("a page");
    let steps = steps(&page);
    assert_eq!(steps.len(), 9, "every step of the page is read");
    steps.iter().for_each(|step| step.follow(stack.folder()));
    stack.lay_out_template();

    let data = stack.folder().join("data");
    let folder = data.join("subscription_data/2018");
    fs::create_dir_all(&folder).expect("a folder");
    let record = |user: u64, plan: &str, price: f64| json!({"user_id": user, "plan": plan, "price": price, "time": 1_541_030_400_000_u64 + user});
    let twice = format!("{}\n{}\n", record(7, "family", 14.99), record(7, "family", 14.99));
    fs::write(folder.join("a.json"), twice).expect("written");
    fs::write(folder.join("b.json"), record(8, "student", 4.99).to_string()).expect("written");

    let seen = stack.json(&["doctor", "--data", data.to_str().expect("UTF-8"), "--json"]);
    assert!(seen.to_string().contains("2 files in "), "a directory is examined: {seen}");

    // Nobody starts a run: the events of the uploaded files do.
    stack.up(&data);
    let rows = "select count(*) as counted from information_schema.tables \
                where table_name = 'subscriptions'";
    let published = "select count(*) as counted, max(started_at) as latest from mart.subscriptions";
    stack.runs_until("the subscriptions are published", |statuses| {
        stack.count(rows) == 1
            && stack.count(published) == 2
            && statuses.iter().all(|status| has_succeeded(status))
    });
    assert_eq!(stack.query(published)[0]["latest"], "2018-11-01 00:00:00.008");

    let cloud = Services::of(&stack);
    cloud.silence_bucket();
    let (later, old) = (record(9, "family", 14.99), record(7, "family", 14.99));
    let lines = format!("{later}\n{old}\n").into_bytes();
    cloud.put([("subscription_data/c.json".to_owned(), lines), song(1)]);
    let planned = stack.json(&["plan", "--local", "--json", "--objects", "9"]);
    assert_eq!(planned["objects"], 2, "{planned}");
    stack.done(&["run", "--local"]);
    assert_eq!(stack.count(published), 3, "equal records are one, however they come");
    stack.done(&["run", "--local", "--rebuild"]);
    assert_eq!(stack.count(published), 3, "a rebuild empties and fills the new table, too");

    let doctor = stack.json(&["doctor", "--local", "--json"]);
    let found = doctor.as_array().expect("findings").iter();
    let of_source: Vec<_> = found.filter(|one| one["source"] == "subscriptions").collect();
    assert!(of_source.len() > 2, "the doctor knows the source: {doctor}");
    let is_wrong = |verdict: &str| ["bad", "warning"].contains(&verdict);
    let wrong = of_source.iter().filter(|one| one["verdict"].as_str().is_none_or(is_wrong));
    assert_eq!(wrong.count(), 0, "{of_source:?}");

    cloud.put([("subscription_data/d.json".to_owned(), b"{\"user_id\": 10}".to_vec())]);
    let refused = stack.segue(&["run", "--local"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{said}");
    assert!(
        said.contains("subscription_data/d.json") && said.contains("the record has no"),
        "{said}"
    );
}
