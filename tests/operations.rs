//! What people look at when something is wrong, compared with the code: metrics and the dashboard,
//! errors and the runbook, permissions and the table that explains them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use segue_contract::ErrorName;
use segue_contract::cost::{Cadence, Prices, RPUS_DEFAULT, RUN_TRANSITIONS};
use segue_contract::metrics::{Metric, NAMESPACE, STACK_DIMENSION, STEP_DIMENSION};
use serde_json::Value as Json;
use serde_yaml_ng::Value;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn template(name: &str) -> Value {
    serde_yaml_ng::from_str(&read(name)).expect("a template is YAML")
}

/// The dashboard as CloudWatch gets it, with parameters and names filled in.
fn dashboard() -> Json {
    let template = template("template.yaml");
    let Value::Tagged(body) = &template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    else {
        panic!("the dashboard's body is a substitution");
    };
    // A number is valid in place of any text or number.
    let mut body = body.value.as_str().expect("text").to_owned();
    while let Some((before, rest)) = body.split_once("${") {
        let (_, after) = rest.split_once('}').expect("a closed substitution");
        body = format!("{before}1{after}");
    }
    serde_json::from_str(&body).expect("the dashboard is JSON")
}

/// Namespace and name of every metric of the dashboard, with shorthand for repetition expanded.
fn shown_metrics() -> BTreeSet<(String, String)> {
    let mut shown = BTreeSet::new();
    for widget in dashboard()["widgets"].as_array().expect("widgets") {
        let mut previous = (String::new(), String::new());
        for metric in widget["properties"]["metrics"].as_array().into_iter().flatten() {
            if let Some(namespace) = metric[0].as_str() {
                let or_previous = |text: &str, previous: &str| {
                    if text == "." { previous.to_owned() } else { text.to_owned() }
                };
                let name = metric[1].as_str().expect("a name");
                previous = (or_previous(namespace, &previous.0), or_previous(name, &previous.1));
                shown.insert(previous.clone());
            }
        }
    }
    shown
}

/// The cells of the tables' rows that begin with a name in backticks.
fn named_rows(page: &str) -> Vec<Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

fn unquoted(cell: &str) -> String {
    cell.replace('`', "")
}

#[test]
fn the_dashboard_shows_every_metric_and_none_that_nobody_writes() {
    let shown = shown_metrics();
    let ours: BTreeSet<_> = shown
        .iter()
        .filter(|(namespace, _)| namespace == NAMESPACE)
        .map(|(_, name)| name.clone())
        .collect();
    // A search by dimension shows the statements' metric, so that a new step needs no widget.
    let searched = format!(
        "SEARCH('{{{NAMESPACE},{STACK_DIMENSION},{STEP_DIMENSION}}} MetricName=\"{}\"",
        Metric::StatementSeconds
    );
    let text = dashboard().to_string().replace("\\\"", "\"");
    assert!(text.contains(&searched), "{searched}");
    let expected = Metric::ALL.iter().filter(|metric| **metric != Metric::StatementSeconds);
    assert_eq!(ours, expected.map(ToString::to_string).collect());
}

#[test]
fn an_alarm_on_a_metric_of_ours_watches_one_that_is_written() {
    let template = template("template.yaml");
    let known: BTreeSet<_> = Metric::ALL.iter().map(ToString::to_string).collect();
    let mut watched = 0;
    for (name, resource) in template["Resources"].as_mapping().expect("Resources") {
        let alarm = &resource["Properties"];
        if resource["Type"] == "AWS::CloudWatch::Alarm" {
            let sentence = alarm["AlarmDescription"].as_str().unwrap_or_default();
            assert!(sentence.ends_with('.'), "{name:?} says what it means in a sentence");
            if alarm["Namespace"] == NAMESPACE {
                watched += 1;
                assert!(known.contains(alarm["MetricName"].as_str().expect("a name")), "{name:?}");
                assert_eq!(alarm["Dimensions"][0]["Name"], STACK_DIMENSION, "{name:?}");
            }
        }
    }
    assert!(watched > 0);
}

#[test]
fn the_runbook_has_a_section_for_every_error_alarm_and_metric() {
    let page = read("docs/operations.md");
    for error in ErrorName::ALL {
        assert!(page.contains(&format!("\n### {error}\n")), "{error}");
    }
    let named: BTreeSet<_> = named_rows(&page).iter().map(|row| unquoted(row[0])).collect();
    for metric in Metric::ALL {
        assert!(named.contains(&metric.to_string()), "{metric}");
    }
    let template = template("template.yaml");
    for (name, resource) in template["Resources"].as_mapping().expect("Resources") {
        let name = name.as_str().expect("a name");
        if resource["Type"] == "AWS::CloudWatch::Alarm" {
            assert!(named.contains(name), "{name}");
        }
    }
}

/// Holder, permission and actions of every statement that grants something to one of our roles.
fn permissions(template: &Value) -> BTreeSet<(String, String, BTreeSet<String>)> {
    fn collect(
        holder: &str,
        value: &Value,
        found: &mut BTreeSet<(String, String, BTreeSet<String>)>,
    ) {
        match value {
            Value::Mapping(mapping) => {
                let is_statement = mapping.contains_key("Effect") && mapping.contains_key("Action");
                if is_statement && !mapping.contains_key("Principal") {
                    let actions = match &value["Action"] {
                        Value::Sequence(actions) => actions.clone(),
                        action => vec![action.clone()],
                    };
                    let actions = actions.iter().filter_map(Value::as_str).map(Into::into);
                    let permission = value["Sid"].as_str().unwrap_or_default();
                    found.insert((holder.into(), permission.into(), actions.collect()));
                }
                mapping.values().for_each(|inner| collect(holder, inner, found));
            }
            Value::Sequence(items) => items.iter().for_each(|item| collect(holder, item, found)),
            Value::Tagged(tagged) => collect(holder, &tagged.value, found),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for (name, resource) in template["Resources"].as_mapping().expect("Resources") {
        collect(name.as_str().expect("a name"), resource, &mut found);
    }
    found
}

#[test]
fn every_permission_is_explained_and_none_that_nobody_has() {
    let page = read("docs/security.md");
    let (_, table) = page.split_once("## Who may do what").expect("the section");
    let (table, _) = table.split_once("\n## ").expect("a next section");
    let explained: BTreeSet<_> = named_rows(table)
        .iter()
        .map(|row| {
            assert!(!row[3].is_empty(), "{row:?} says why");
            let actions = unquoted(row[2]).split(' ').map(Into::into).collect();
            (unquoted(row[0]), unquoted(row[1]), actions)
        })
        .collect();
    let mut granted = permissions(&template("template.yaml"));
    granted.extend(permissions(&template("warehouse.yaml")));
    assert_eq!(explained, granted);
}

/// `1,440`, `$2,215.08`.
fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let digits: Vec<char> = whole.chars().rev().collect();
    let groups: Vec<String> = digits.chunks(3).map(|group| group.iter().collect()).collect();
    groups.join(",").chars().rev().collect::<String>() + rest
}

#[test]
fn the_readme_says_what_runs_cost_by_how_often_they_start() {
    let readme = read("README.md");
    let prices = Prices::known().expect("prices");
    for (name, runs) in Cadence::SHOWN {
        let cadence = prices.cadence(runs, RPUS_DEFAULT);
        let dollars = |amount: f64| format!("${}", grouped(&format!("{amount:.2}")));
        let (day, month) = (dollars(cadence.warehouse_a_day), dollars(cadence.month()));
        let row = format!("| {name} | {} | {day} | {month} |\n", grouped(&runs.to_string()));
        assert!(readme.contains(&row), "README.md lacks the row {row}");
    }
}

#[test]
fn the_documentation_counts_the_transitions_that_the_estimate_counts() {
    let prices = Prices::known().expect("prices");
    let cost = prices.cadence(1, RPUS_DEFAULT).transitions_a_day;
    for (page, words) in [
        ("README.md", format!("{RUN_TRANSITIONS} state transitions (${cost:.4})")),
        ("docs/operations.md", format!("{RUN_TRANSITIONS} transitions (${cost:.4})")),
    ] {
        assert!(read(page).contains(&words), "{page} does not say {words:?}");
    }
}
