//! What two sides must agree on, compared: template and functions, permissions and calls, state
//! machines and functions, documentation and code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use segue_contract::pipeline;
use serde_yaml_ng::Value;

type Names = BTreeSet<String>;

/// The permission that a client's call needs. A call that is not here fails the test, so that
/// nobody forgets it.
const ACTIONS: [(&str, &str); 18] = [
    ("batch_execute_statement", "redshift-data:BatchExecuteStatement"),
    ("execute_statement", "redshift-data:ExecuteStatement"),
    ("describe_statement", "redshift-data:DescribeStatement"),
    ("get_statement_result", "redshift-data:GetStatementResult"),
    ("cancel_statement", "redshift-data:CancelStatement"),
    ("list_statements", "redshift-data:ListStatements"),
    ("list_objects_v2", "s3:ListBucket"),
    ("get_object", "s3:GetObject"),
    ("put_object", "s3:PutObject"),
    ("delete_objects", "s3:DeleteObject"),
    ("create_multipart_upload", "s3:PutObject"),
    ("upload_part", "s3:PutObject"),
    ("complete_multipart_upload", "s3:PutObject"),
    ("abort_multipart_upload", "s3:AbortMultipartUpload"),
    ("start_execution", "states:StartExecution"),
    ("list_executions", "states:ListExecutions"),
    ("describe_execution", "states:DescribeExecution"),
    ("send_message", "sqs:SendMessage"),
];

/// Permissions without a call of ours: what the services behind a call need.
const BEHIND_A_CALL: [&str; 11] = [
    "kms:Decrypt",
    "redshift-serverless:GetCredentials",
    "redshift:GetClusterCredentialsWithIAM",
    "secretsmanager:GetSecretValue",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
];

/// Permissions that change the answer to a call: without the right to list, S3 reports a missing
/// object as forbidden.
const FOR_AN_ANSWER: [(&str, &str); 1] = [("CompactRole", "s3:ListBucket")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn template() -> Value {
    serde_yaml_ng::from_str(&read("template.yaml")).expect("template.yaml is YAML")
}

/// The names of the folders in `functions/`.
fn functions() -> Vec<String> {
    let entries = fs::read_dir(root().join("functions")).expect("functions/");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

/// `submit` → `SubmitFunction`.
fn resource_name(function: &str) -> String {
    let (first, rest) = function.split_at(1);
    format!("{}{rest}Function", first.to_uppercase())
}

/// The source of a folder's `src`, without tests.
fn source(folder: &str) -> String {
    let entries = fs::read_dir(root().join(folder).join("src")).expect("src/");
    let files = entries.map(|entry| entry.expect("an entry").path()).filter(|path| {
        path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs")
    });
    files
        .map(|path| read(path).split("#[cfg(test)]").next().unwrap_or_default().to_owned())
        .collect()
}

/// The source of a function, and of our crates with calls that it uses.
fn own_and_shared_source(function: &str) -> String {
    let folder = format!("functions/{function}");
    let manifest = read(format!("{folder}/Cargo.toml"));
    let shared = ["buckets", "records", "warehouse"]
        .into_iter()
        .filter(|shared| manifest.contains(&format!("segue-{shared}.")))
        .map(|shared| source(&format!("crates/{shared}")));
    shared.fold(source(&folder), |all, shared| all + &shared)
}

/// The texts between `before` and `after`.
fn between(text: &str, before: &str, after: &str) -> Names {
    let found = text.split(before).skip(1).filter_map(|rest| rest.split(after).next());
    found.map(str::to_owned).collect()
}

/// The permissions that a source needs, by the clients' calls in it.
fn needed_actions(source: &str) -> Names {
    let calls = |call: &str| source.contains(&format!(".{call}()"));
    let actions = ACTIONS.iter().filter(|(call, _)| calls(call));
    actions.map(|(_, action)| (*action).to_owned()).collect()
}

/// All texts below `key`, at any depth: the actions of statements, inside any conditions.
fn texts_of(value: &Value, key: &str, found: &mut Names) {
    match value {
        Value::Mapping(mapping) => {
            for (name, inner) in mapping {
                match (name.as_str() == Some(key), inner) {
                    (true, Value::String(text)) => drop(found.insert(text.clone())),
                    (true, Value::Sequence(texts)) => {
                        found.extend(texts.iter().filter_map(|text| text.as_str().map(Into::into)));
                    }
                    _ => texts_of(inner, key, found),
                }
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| texts_of(item, key, found)),
        Value::Tagged(tagged) => texts_of(&tagged.value, key, found),
        _ => {}
    }
}

fn actions_of(value: &Value) -> Names {
    let mut found = Names::new();
    texts_of(value, "Action", &mut found);
    found.into_iter().filter(|action| !BEHIND_A_CALL.contains(&action.as_str())).collect()
}

/// The role that a function names, or the function itself if it has its own policies.
fn holder_of_policies(template: &Value, function: &str) -> String {
    let resource = resource_name(function);
    match &template["Resources"][&resource]["Properties"]["Role"] {
        Value::Tagged(role) => {
            let role = role.value.as_str().expect("a reference");
            role.split('.').next().unwrap_or_default().to_owned()
        }
        _ => resource,
    }
}

/// What separate policies let a role do.
fn attached_actions(template: &Value, role: &str) -> Names {
    let resources = template["Resources"].as_mapping().expect("Resources");
    let policies = resources.values().filter(|resource| resource["Type"] == "AWS::IAM::Policy");
    let names_role = |policy: &&Value| {
        let roles = policy["Properties"]["Roles"].as_sequence().expect("roles");
        let is_role = |given: &Value| match given {
            Value::Tagged(reference) => reference.value.as_str() == Some(role),
            _ => false,
        };
        roles.iter().any(is_role)
    };
    policies.filter(names_role).flat_map(actions_of).collect()
}

#[test]
fn every_folder_is_a_function_of_the_template_and_the_reverse() {
    let template = template();
    let resources = template["Resources"].as_mapping().expect("Resources");
    let deployed: Names = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function")
        .map(|(name, _)| name.as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(deployed, functions().iter().map(|name| resource_name(name)).collect());
    for function in functions() {
        let resource = &template["Resources"][resource_name(&function)];
        assert_eq!(resource["Properties"]["CodeUri"], format!("functions/{function}").as_str());
        let binary = &resource["Metadata"]["BuildProperties"]["Binary"];
        assert_eq!(*binary, format!("segue-{function}").as_str());
    }
}

#[test]
fn the_template_gives_every_setting_that_a_function_reads() {
    let template = template();
    let keys = |value: &Value| -> Names {
        let variables = value["Environment"]["Variables"].as_mapping();
        variables
            .into_iter()
            .flatten()
            .filter_map(|(key, _)| key.as_str().map(Into::into))
            .collect()
    };
    let shared = keys(&template["Globals"]["Function"]);
    for function in functions() {
        let read = between(&own_and_shared_source(&function), "setting(\"", "\")");
        let own = keys(&template["Resources"][resource_name(&function)]["Properties"]);
        let given: Names = shared.union(&own).cloned().collect();
        let missing: Vec<_> = read.difference(&given).collect();
        assert!(
            missing.is_empty(),
            "{function} reads {missing:?}, which the template does not give"
        );
    }
}

#[test]
fn a_role_may_do_what_its_functions_call_and_nothing_else() {
    let template = template();
    let mut needed: BTreeMap<String, Names> = BTreeMap::new();
    for function in functions() {
        let actions = needed_actions(&own_and_shared_source(&function));
        needed.entry(holder_of_policies(&template, &function)).or_default().extend(actions);
    }
    for (holder, needed) in needed {
        let policies = &template["Resources"][&holder]["Properties"]["Policies"];
        let given: Names = actions_of(policies)
            .into_iter()
            .chain(attached_actions(&template, &holder))
            .filter(|action| !FOR_AN_ANSWER.contains(&(holder.as_str(), action.as_str())))
            .collect();
        assert_eq!(given, needed, "{holder}");
    }
}

#[test]
fn a_call_without_a_known_permission_is_found() {
    let known: Names = ACTIONS.iter().map(|(call, _)| (*call).to_owned()).collect();
    for function in functions() {
        let source = own_and_shared_source(&function);
        for client in ["client", "s3", "step_functions", "sqs"] {
            for line in source.split(&format!(".{client}\n")).skip(1) {
                let call = line.trim_start().trim_start_matches('.').split('(').next();
                let call = call.unwrap_or_default().to_owned();
                assert!(known.contains(&call), "{function}: .{call}() is not in the table");
            }
        }
    }
}

#[test]
fn every_statement_names_itself_and_no_resource_is_everything_where_an_arn_exists() {
    let text = read("template.yaml");
    let without_arn = text.lines().filter(|line| line.trim() == "Resource: \"*\"").count();
    // Following statements, writing traces and delivering the state machines' logs have no
    // resources; in the three statements of a key's own policy "*" is the key.
    assert_eq!(without_arn, 6);
    assert!(!text.contains("Action: \"*\""));
}

/// Resources with data outlive their stack and their replacement; everything else is deleted with
/// it.
#[test]
fn what_holds_data_is_kept_and_nothing_else_stays_behind() {
    let holds_data = ["AWS::S3::Bucket", "AWS::RedshiftServerless::Namespace"];
    let mut kept = Names::new();
    for file in ["template.yaml", "warehouse.yaml"] {
        let template: Value = serde_yaml_ng::from_str(&read(file)).expect(file);
        for (name, resource) in template["Resources"].as_mapping().expect("Resources") {
            let name = name.as_str().expect("a name");
            let policies = ["DeletionPolicy", "UpdateReplacePolicy"].map(|key| &resource[key]);
            if holds_data.iter().any(|kind| resource["Type"] == *kind) {
                assert!(policies.iter().all(|policy| **policy == "Retain"), "{name}");
                kept.insert(name.to_owned());
            } else {
                assert!(policies.iter().all(|policy| policy.is_null()), "{name}");
            }
        }
    }
    assert_eq!(kept, ["LandingBucket", "Namespace", "WorkBucket"].map(str::to_owned).into());
}

/// What is known of a source is in the template alone; everything else reads the stack.
#[test]
fn the_template_says_where_each_source_lands_and_lets_its_files_be_read_and_start_runs() {
    let (text, template) = (read("template.yaml"), template());
    let settings = &template["Globals"]["Function"]["Environment"]["Variables"]["SOURCES"];
    assert_eq!(
        settings, &template["Outputs"]["Sources"]["Value"],
        "what functions and people read"
    );
    let readable = &template["Resources"]["CopyPolicy"]["Properties"]["PolicyDocument"];
    let starts = &template["Resources"]["FilesLanded"]["Properties"]["EventPattern"];
    let [settings, readable, starts] =
        [settings, readable, starts].map(|part| serde_yaml_ng::to_string(part).expect("YAML"));
    for source in pipeline::sources() {
        let name = format!("{}{}", source[..1].to_uppercase(), &source[1..]);
        let prefix = &template["Parameters"][format!("{name}Prefix")]["Default"];
        let folder = format!("{}/", pipeline::folder(source));
        assert_eq!(prefix.as_str(), Some(&*folder), "{source}: a directory is uploaded as it is");
        assert!(
            settings.contains(&format!("\"{source}\": {{\"prefix\": \"${{{name}Prefix}}")),
            "{source}"
        );
        assert!(readable.contains(&format!("/${{{name}Prefix}}*")), "{source} is readable");
        assert!(starts.contains(&format!("!Ref {name}Prefix")), "files of {source} start runs");
        assert_eq!(
            text.matches(&format!("${{{name}Prefix}}")).count(),
            2,
            "{source} is in one list"
        );
    }
}

#[test]
fn the_stack_says_its_version() {
    assert_eq!(template()["Outputs"]["Version"]["Value"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_state_s_function_is_one_that_exists() {
    let known: Names =
        functions().iter().map(|name| format!("{}Arn", resource_name(name))).collect();
    for machine in ["load", "statement"] {
        let definition = read(format!("statemachine/{machine}.asl.json"));
        let used = between(&definition, "\"FunctionName\": \"${", "}\"");
        assert!(!used.is_empty() && used.is_subset(&known), "{machine}: {used:?}");
    }
}

/// AWS recommends six times the function's timeout, plus the largest batching window.
#[test]
fn messages_stay_hidden_until_the_function_behind_their_queue_has_surely_ended() {
    let template = template();
    let number = |value: &Value| value.as_u64().expect("a number");
    let resources = &template["Resources"];
    let start = &resources["StartFunction"]["Properties"];
    let timeout = match &start["Timeout"] {
        Value::Null => &template["Globals"]["Function"]["Timeout"],
        own => own,
    };
    let window = &template["Parameters"]["BatchingWindowSeconds"]["MaxValue"];
    let hidden = number(&resources["WakeUps"]["Properties"]["VisibilityTimeout"]);
    assert!(hidden >= 6 * number(timeout) + number(window), "{hidden} seconds");
    let scaling = &start["Events"]["WakeUp"]["Properties"]["ScalingConfig"];
    assert_eq!(number(&scaling["MaximumConcurrency"]), 2, "runs need the account's concurrency");
}

#[test]
fn every_function_says_in_one_sentence_what_it_does() {
    for function in functions() {
        let readme = read(format!("functions/{function}/README.md"));
        assert!(readme.starts_with(&format!("# {function}\n")), "{function}");
        let first_line = read(format!("functions/{function}/src/lib.rs"));
        assert!(first_line.starts_with("//! "), "{function}");
        for setting in between(&source(&format!("functions/{function}")), "setting(\"", "\")") {
            assert!(readme.contains(&setting), "functions/{function}/README.md: {setting}");
        }
    }
}

#[test]
fn every_file_that_the_assumptions_of_aws_name_exists() {
    let page = read("docs/aws-assumptions.md");
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| assumption"))
        .collect();
    assert!(!rows.is_empty());
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{row}");
        let files = |cell: &str| -> Vec<String> {
            let quoted = cell.split('`').skip(1).step_by(2);
            quoted.filter(|text| text.contains('/')).map(ToOwned::to_owned).collect()
        };
        for cell in [cells[2], cells[3]] {
            assert!(!files(cell).is_empty(), "no file in {cell:?}");
            files(cell).iter().for_each(|file| assert!(root().join(file).is_file(), "{file}"));
        }
        assert!(!cells[4].is_empty(), "nothing settles {row}");
    }
}

/// Every file with this ending below a folder.
fn files_below(folder: &str, ending: &str) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(root().join(folder)).into_iter().filter_map(Result::ok);
    walk.map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .collect()
}

#[test]
fn every_case_beside_the_checkout_is_read_by_a_test() {
    let Ok(cases) = fs::read_dir(root().join("../shared/cases")) else { return };
    let folders = ["cli", "crates", "functions", "local", "tests"];
    let sources = folders.into_iter().flat_map(|folder| files_below(folder, "rs"));
    let texts: String = sources.map(|path| fs::read_to_string(path).unwrap_or_default()).collect();
    for case in cases {
        let name = case.expect("an entry").file_name().to_string_lossy().into_owned();
        let is_read = texts.match_indices(&name).any(|(at, _)| {
            let before = texts[..at].ends_with(['"', '/']);
            before && texts[at + name.len()..].starts_with(['"', '/'])
        });
        assert!(is_read, "no test reads {name}");
    }
}
