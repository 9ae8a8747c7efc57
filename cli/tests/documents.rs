//! Every `segue …` that the help, the README and the documents show is one that the program accepts.

use std::{fs, path::Path};

use clap::{CommandFactory, Parser, error::ErrorKind};
use segue::cli::Cli;

/// The words of a command line; placeholders become words of their kind, and comments are cut off.
fn words(line: &str) -> Vec<String> {
    let line = line.replace("$STACK", "segue-prod").replace('…', "");
    let words = shlex::split(&line).unwrap_or_else(|| panic!("no shell splits it: {line}"));
    let ends = |word: &String| ["|", ">", "&&", "||", ";"].contains(&word.as_str());
    let words = words.into_iter().take_while(|word| !ends(word));
    words.map(|word| word.replace("<run>", "1f0e8400").replace(['<', '>'], "")).collect()
}

fn accept(line: &str, place: &str) {
    let words = words(line);
    // `segue local` alone names a group of commands.
    let is_group = words.len() == 2 && words[1] == "local";
    if words.len() < 2 || is_group {
        return;
    }
    if let Err(error) = Cli::try_parse_from(&words) {
        // A command may be named without what it needs.
        let is_name = words.len() == 2 && error.kind() == ErrorKind::MissingRequiredArgument;
        assert!(is_name || !error.use_stderr(), "{place}: {line}\n{error}");
    }
}

/// The examples below `Examples:`, without what is said about them after two blanks.
fn examples(command: &clap::Command) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty()).map(str::trim);
    let without_comment = |line: &str| match line.split_once("  ") {
        Some((command, _)) => command.to_owned(),
        None => line.to_owned(),
    };
    lines.map(without_comment).collect()
}

#[test]
fn every_command_has_examples_that_it_accepts() {
    fn walk(command: &clap::Command, place: &str) {
        let is_leaf = !command.has_subcommands();
        let examples = examples(command);
        assert!(!is_leaf || !examples.is_empty(), "{place} has no examples");
        for example in &examples {
            accept(example, place);
            // A command can have several words, and several examples begin with another one.
            let own = place == "segue" || example.starts_with(place);
            assert!(own, "{place}: {example}");
        }
        for subcommand in command.get_subcommands().filter(|one| one.get_name() != "help") {
            walk(subcommand, &format!("{place} {}", subcommand.get_name()));
        }
    }
    walk(&Cli::command(), "segue");
}

/// The command lines of a page: lines of shell blocks, and code within text.
fn shown(page: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut block: Option<String> = None;
    for line in page.lines() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            block = block.is_none().then(|| kind.to_owned());
        } else if let Some(kind) = &block {
            let command = line.trim().trim_start_matches("target/bin/");
            if ["sh", "bash", "console"].contains(&kind.as_str()) && command.starts_with("segue ") {
                commands.push(command.split(" #").next().unwrap_or(command).to_owned());
            }
        }
    }
    // A sentence may continue on the next line.
    let outside = page.split("```").step_by(2).collect::<Vec<_>>().join(" ");
    let outside = outside.split_whitespace().collect::<Vec<_>>().join(" ");
    let code = outside.split('`').skip(1).step_by(2).filter(|code| code.starts_with("segue "));
    commands.extend(code.map(str::to_owned));
    commands
}

#[test]
fn every_command_that_a_document_shows_is_accepted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_dir(root.join("docs")).expect("documents");
    let docs = docs.map(|entry| entry.expect("an entry").path());
    let pages = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"].map(|name| root.join(name));
    let mut count = 0;
    for page in pages.into_iter().chain(docs).filter(|path| path.extension().is_some()) {
        let text = fs::read_to_string(&page).expect("a page");
        for command in shown(&text) {
            accept(&command, &page.display().to_string());
            count += 1;
        }
    }
    assert!(count > 40, "{count} commands: is the README still read?");
}

/// The texts of the reports of golden runs are snapshots; their commands begin a line.
#[test]
fn every_command_that_a_report_shows_is_accepted() {
    let folder = "../functions/report/src/tests/snapshots";
    let pages =
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("snapshots");
    let mut count = 0;
    for page in pages.map(|entry| entry.expect("an entry").path()) {
        let text = fs::read_to_string(&page).expect("text");
        for line in text.lines().filter(|line| line.starts_with("segue ")) {
            accept(line, &page.display().to_string());
            count += 1;
        }
    }
    assert!(count > 20, "found {count} commands");
}
