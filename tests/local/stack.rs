//! A local stack in its own folder, and the files that are loaded into it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cloud::Cloud;
use crate::seed;

/// What a separate stack shares with the checkout.
const SHARED: [&str; 7] =
    ["template.yaml", "samconfig.toml", "statemachine", "sql", "tools", ".aws-sam", ".tools"];
/// The name of the local stack.
pub const STACK: &str = "segue-local";
/// How long events may take to become rows.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(180);
/// The pause between two looks at what the runs have done.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Everything that a run publishes, in a fixed order.
const TABLES: [(&str, &str); 5] = [
    ("songplays", "songplay_id"),
    ("users", "user_id"),
    ("songs", "song_id"),
    ("artists", "artist_id"),
    ("time", "start_time"),
];

/// What a run reads before it loads anything: with these tables empty, a warehouse is as good as
/// new.
const REMEMBERED: [&str; 7] = [
    "mart.songplays",
    "mart.users",
    "mart.songs",
    "mart.artists",
    "mart.time",
    "ops.latest_user_events",
    "ops.loaded_objects",
];

/// Whether a run in this state has ended well.
pub fn has_succeeded(status: &str) -> bool {
    ["loaded", "up-to-date"].contains(&status)
}

/// Links what a stack shares with the checkout into its folder.
pub fn link_checkout(folder: &Path) {
    for name in SHARED {
        symlink(root().join(name), folder.join(name)).expect("a link");
    }
}

/// The checkout. Its path has no `..`: programs compare it with their own.
pub fn root() -> PathBuf {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    checkout.expect("tests/ is in a checkout").to_owned()
}

/// A local stack in its own folder; stopped and removed with the test.
pub struct Stack {
    folder: TempDir,
}

impl Stack {
    /// A stack that is deployed, stopped and empty.
    pub fn new() -> Self {
        let stack = Self::undeployed();
        seed::copy_to(stack.folder());
        stack
    }

    /// A stack that is running, empty and receives events. A copied deployment does not receive
    /// them: the emulator's poller knows the queue by its old port.
    pub fn awake() -> Self {
        let stack = Self::undeployed();
        stack.done(&["local", "up"]);
        stack
    }

    /// A folder with everything that a stack needs, and nothing deployed.
    pub fn undeployed() -> Self {
        let folder = TempDir::new().expect("a folder");
        link_checkout(folder.path());
        Self { folder }
    }

    /// A stack that is running and empty.
    pub fn empty() -> Self {
        let stack = Self::new();
        stack.done(&["local", "up"]);
        stack
    }

    /// A stack whose built functions and template may be changed without touching the checkout's.
    pub fn with_own_build() -> Self {
        let stack = Self::undeployed();
        fs::remove_file(stack.folder().join(".aws-sam")).expect("a link");
        copy(&root().join(".aws-sam/local"), &stack.build(), &|_| true);
        stack
    }

    /// A stack whose SQL and template may be changed, too.
    pub fn with_own_checkout() -> Self {
        let stack = Self::with_own_build();
        for name in ["sql", "template.yaml"] {
            fs::remove_file(stack.folder().join(name)).expect("a link");
        }
        copy(&root().join("sql"), &stack.folder().join("sql"), &|_| true);
        fs::copy(root().join("template.yaml"), stack.folder().join("template.yaml"))
            .expect("a template");
        stack
    }

    /// Lays out the checkout's template as `sam build` does, with the functions that are built.
    pub fn lay_out_template(&self) {
        let template = fs::read_to_string(self.folder().join("template.yaml")).expect("a template");
        let lines = template.lines().map(|line| {
            if let Some((indent, function)) = line.split_once("CodeUri: functions/") {
                let name = format!("{}{}", function[..1].to_uppercase(), &function[1..]);
                return format!("{indent}CodeUri: {name}Function.zip\n");
            }
            format!("{}\n", line.replace("DefinitionUri: ", "DefinitionUri: ../../"))
        });
        self.change_template(&lines.collect::<String>());
    }

    /// The output of `sam build` for `sam deploy`.
    fn build(&self) -> PathBuf {
        self.folder().join(".aws-sam/local")
    }

    /// A built function, packed.
    pub fn own_function(&self, name: &str) -> PathBuf {
        self.build().join(format!("{name}.zip"))
    }

    /// The built template.
    pub fn template(&self) -> String {
        fs::read_to_string(self.build().join("template.yaml")).expect("a built template")
    }

    /// Replaces the built template.
    pub fn change_template(&self, template: &str) {
        fs::write(self.build().join("template.yaml"), template).expect("written");
    }

    /// Deploys what is built, as `make deploy` does, with these changed parameters.
    pub fn deploy(&self, parameters: &[&str]) -> String {
        let mut sam = Command::new(root().join(".tools/sam/bin/sam"));
        sam.current_dir(self.build())
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("SAM_CLI_TELEMETRY", "0")
            .args(["deploy", "--template-file", "template.yaml", "--stack-name", STACK])
            .args(["--s3-bucket", "segue-local-artifacts", "--region", "us-east-1"])
            .args(["--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"])
            .arg("--no-fail-on-empty-changeset");
        if !parameters.is_empty() {
            sam.arg("--parameter-overrides").args(parameters);
        }
        let output = sam.output().expect(".tools/sam: run `make tools` first");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{text}");
        text
    }

    pub fn endpoint(&self) -> String {
        let status = self.json(&["local", "status", "--json"]);
        status["awsEndpoint"].as_str().expect("a running stack").to_owned()
    }

    pub fn cloud(&self) -> Cloud {
        Cloud::at(&self.endpoint())
    }

    pub fn segue(&self, arguments: &[&str]) -> Output {
        Command::new(root().join("target/bin/segue"))
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .expect("target/bin/segue: run `make build` first")
    }

    /// The output of a command that must succeed.
    pub fn done(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.segue(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        output.stdout
    }

    /// The same, as JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let printed = self.done(arguments);
        serde_json::from_slice(&printed).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Deploys, and uploads the files; their events start runs.
    pub fn up(&self, data: &Path) {
        let up = self.segue(&["local", "up", "--data", data.to_str().expect("UTF-8")]);
        assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    }

    /// Waits until the runs that the files start have loaded all of them.
    pub fn follow(&self, data: &Path) {
        let files = count_files(&data.join("song_data")) + count_files(&data.join("log_data"));
        let ledger = "select count(*) as objects from information_schema.tables \
                      where table_schema = 'ops' and table_name = 'loaded_objects'";
        self.runs_until(&format!("{files} files are loaded"), |statuses| {
            self.query(ledger)[0]["objects"] == 1
                && self.query("select count(*) as objects from ops.loaded_objects")[0]["objects"]
                    == files
                && statuses.iter().all(|status| has_succeeded(status))
        });
    }

    /// Waits until runs that this test has not started have done something; none of them may fail.
    pub fn runs_until(&self, what: &str, is_done: impl Fn(&[String]) -> bool) {
        let deadline = Instant::now() + FOLLOWS_WITHIN;
        loop {
            let statuses = self.statuses();
            if is_done(&statuses) {
                return;
            }
            assert!(!statuses.iter().any(|status| status == "failed"), "{statuses:?}");
            assert!(Instant::now() < deadline, "not in time: {what}; runs: {statuses:?}");
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    pub fn load(&self, data: &Path) -> Value {
        self.json(&["local", "run", "--json", "--data", data.to_str().expect("UTF-8")])
    }

    pub fn query(&self, sql: &str) -> Value {
        self.json(&["query", "--local", "--json", sql])
    }

    /// A number that a query returns under the name `counted`.
    pub fn count(&self, sql: &str) -> u64 {
        let rows = self.query(sql);
        rows[0]["counted"].as_u64().unwrap_or_else(|| panic!("expected a number, found {rows}"))
    }

    /// Waits until a run that this test has not started makes a query count this many.
    pub fn count_becomes(&self, expected: u64, sql: &str) {
        self.runs_until(&format!("{sql} is {expected}"), |_| self.count(sql) == expected);
    }

    /// Empties the warehouse, so that everything in the bucket is new again.
    pub fn forget(&self) {
        for table in REMEMBERED {
            self.done(&["query", "--local", "--write", &format!("delete from {table}")]);
        }
    }

    /// Every row of the star schema, without which run wrote it and when.
    pub fn mart(&self) -> Vec<Value> {
        let read = |(table, key): &(&str, &str)| {
            let mut rows = self.query(&format!("select * from mart.{table} order by {key}"));
            for row in rows.as_array_mut().into_iter().flatten() {
                let row = row.as_object_mut().expect("a row");
                row.retain(|column, _| column != "run_id" && column != "loaded_at");
            }
            rows
        };
        TABLES.iter().map(read).collect()
    }

    pub fn statuses(&self) -> Vec<String> {
        let runs = self.json(&["runs", "--local", "--json", "--all", "--count", "1000"]);
        let status = |run: &Value| run["status"].as_str().expect("a status").to_owned();
        runs.as_array().expect("an array").iter().map(status).collect()
    }

    /// Ends every program of the stack as a crash would.
    pub fn kill(&self) {
        let state = fs::read(self.folder.path().join(".segue/local.json")).expect("a state");
        let state: Value = serde_json::from_slice(&state).expect("JSON");
        for program in ["emulator", "warehouse"] {
            let group = format!("-{}", state[program]["pid"]);
            let ended = Command::new("kill").args(["-9", "--", &group]).status();
            assert!(ended.expect("kill").success(), "{program}");
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let ended = self.segue(&["local", "down", "--purge"]);
        // A test that has already failed reports its own failure.
        assert!(
            ended.status.success() || std::thread::panicking(),
            "{}",
            String::from_utf8_lossy(&ended.stderr)
        );
    }
}

fn count_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.map(|path| if path.is_dir() { count_files(&path) } else { 1 }).sum()
}

/// The real files if they are present, otherwise a generated set in the same format.
pub fn data(folder: &Path) -> PathBuf {
    let real = root().join("../shared/data/sparkify");
    if real.is_dir() {
        return real;
    }
    let generated = folder.join("generated");
    let made = Command::new(root().join("target/bin/segue"))
        .args(["generate", "--songs", "200", "--events", "4000", "--out"])
        .arg(&generated)
        .status();
    assert!(made.expect("target/bin/segue").success());
    generated
}

/// Key and content of a song that is in nobody's data.
pub fn song(number: usize) -> (String, Vec<u8>) {
    let song = json!({
        "num_songs": 1, "artist_id": format!("AR{number:06}"), "artist_latitude": null,
        "artist_longitude": null, "artist_location": "", "artist_name": format!("artist {number}"),
        "song_id": format!("SO{number:06}"), "title": format!("song {number}"),
        "duration": 180.5, "year": 0,
    });
    (format!("song_data/{}/TR{number:06}.json", number % 7), song.to_string().into_bytes())
}

/// A directory with a part of the data: files whose names the filter accepts.
pub fn part(data: &Path, folder: &Path, take: &dyn Fn(&str) -> bool) -> PathBuf {
    let part = folder.join("part");
    for (source, kept) in [("song_data", "song_data"), ("log_data", "log_data")] {
        copy(&data.join(source), &part.join(kept), take);
    }
    part
}

/// Copies the files of a folder whose names the filter accepts, and all folders below it.
pub fn copy(from: &Path, to: &Path, take: &dyn Fn(&str) -> bool) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(name), take);
        } else if take(&name) {
            fs::copy(entry.path(), to.join(name)).expect("a copy");
        }
    }
}
