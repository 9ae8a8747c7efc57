//! The script behind `make deploy`, and the commands that the README gives a new user.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::stack::{Stack, root};

/// The name of `make deploy`'s stack in samconfig.toml.
const DEPLOYED: &str = "segue-dev";
const FUNCTIONS: [&str; 9] =
    ["cancel", "check", "compact", "find", "plan", "poll", "report", "start", "submit"];
const WORKGROUP: &str = "arn:aws:redshift-serverless:us-east-1:000000000000:workgroup/w";
const COPY_ROLE: &str =
    "arn:aws:iam::000000000000:role/service-role/AmazonRedshift-CommandsAccessRole-1";
/// Nothing listens here: a command that gets this far has reached the network.
const NOBODY: &str = "http://127.0.0.1:9";

fn shown(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// A bundle of programs that do nothing: they are never called.
fn bundle(folder: &Path, processor: &str) -> PathBuf {
    let programs = folder.join("programs");
    for function in FUNCTIONS {
        let program = programs.join(format!("segue-{function}"));
        fs::create_dir_all(&program).expect("a folder");
        fs::write(program.join("bootstrap"), "#!/bin/sh\n").expect("a program");
    }
    let bundle = folder.join("bundle").join(processor);
    let made = Command::new(root().join(".tools/sam/bin/python"))
        .arg(root().join("tools/bundle.py"))
        .args([programs.as_os_str(), processor.as_ref(), bundle.as_os_str()])
        .output()
        .expect(".tools/sam: run `make tools` first");
    assert!(made.status.success(), "{}", shown(&made));
    bundle
}

/// A command without this machine's AWS settings.
fn command(program: impl AsRef<std::ffi::OsStr>, endpoint: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars() {
        if name.starts_with("AWS_") || name.starts_with("MAKE") || name == "PARAMETERS" {
            command.env_remove(name);
        }
    }
    command
        .current_dir(root())
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("SAM_CLI_TELEMETRY", "0");
    command
}

#[test]
fn the_script_deploys_updates_repeats_and_clears_values() {
    let stack = Stack::empty();
    let cloud = stack.cloud();
    let processor = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let bundle = bundle(stack.folder(), processor);
    let deploy = |parameters: &str| {
        command(root().join("tools/deploy.sh"), &stack.endpoint())
            .args(["dev", processor])
            .env("BUILT", &bundle)
            .env("PARAMETERS", parameters)
            .output()
            .expect("tools/deploy.sh")
    };
    let deployed = |parameters: &str| {
        let output = deploy(parameters);
        assert!(output.status.success(), "{parameters}: {}", shown(&output));
        let (parameters, status) = cloud.parameters(DEPLOYED);
        (parameters, status, shown(&output))
    };

    let first = format!("WorkgroupArn={WORKGROUP} CopyRoleArn={COPY_ROLE} Schedule=rate(1 day)");
    let (values, status, _) = deployed(&first);
    assert_eq!(status, "CREATE_COMPLETE");
    assert_eq!((&*values["WorkgroupArn"], &*values["Schedule"]), (WORKGROUP, "rate(1 day)"));
    assert!(cloud.resources(DEPLOYED).contains("DailyRun"));
    assert_eq!(cloud.outputs(DEPLOYED)["CopyPolicyRoles"], "attached to the copy role");

    let (same, _, shown_again) = deployed("");
    assert!(shown_again.contains("No changes to deploy"), "{shown_again}");
    assert_eq!(same, values);

    let (updated, status, _) = deployed("Slices=16 Schedule='cron(0 3 * * ? *)'");
    assert_eq!(status, "UPDATE_COMPLETE");
    assert_eq!((&*updated["Slices"], &*updated["Schedule"]), ("16", "cron(0 3 * * ? *)"));
    assert_eq!(updated["WorkgroupArn"], WORKGROUP, "what is not named keeps its value");

    let (emptied, ..) = deployed("Schedule= WorkgroupArn= ClusterIdentifier=a-cluster");
    let cluster =
        (&*emptied["Schedule"], &*emptied["WorkgroupArn"], &*emptied["ClusterIdentifier"]);
    assert_eq!(cluster, ("", "", "a-cluster"));
    assert!(!cloud.resources(DEPLOYED).contains("DailyRun"));

    let misspelt = deploy("Schedul=rate(1 day)");
    assert_eq!(misspelt.status.code(), Some(2), "{}", shown(&misspelt));
    assert!(shown(&misspelt).contains("found Schedul"), "{}", shown(&misspelt));
    assert_eq!(cloud.parameters(DEPLOYED).0, emptied);
    cloud.delete(DEPLOYED);
}

/// The lines in the `sh` blocks of the README's section on deployment.
fn readme_lines() -> Vec<String> {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let section = readme.split("\n## ").find(|section| section.starts_with("Deploy "));
    let blocks = section.expect("a section Deploy").split("```sh\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines());
    lines.map(|line| line.replace("<arn>", COPY_ROLE).replace("<you>", "you@example.com")).collect()
}

/// Programs that a new user has and this machine may not have: each prints how it was called.
fn stand_ins(folder: &Path) -> PathBuf {
    let programs = folder.join("bin");
    fs::create_dir_all(&programs).expect("a folder");
    for name in ["aws", "cargo"] {
        let program = programs.join(name);
        fs::write(&program, format!("#!/bin/sh\necho called: {name} \"$@\"\n")).expect("a program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    }
    programs
}

#[test]
fn the_commands_of_the_readme_reach_the_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = bundle(folder.path(), "arm64");
    let programs = stand_ins(folder.path());
    let path = format!(
        "{}:{}:{}",
        programs.display(),
        root().join("target/bin").display(),
        std::env::var("PATH").expect("a path")
    );
    let mut called = Vec::new();
    let mut exported = Vec::new();
    for line in readme_lines() {
        if let Some(setting) = line.strip_prefix("export ") {
            let (name, value) = setting.split_once('=').expect("NAME=value");
            let value = value.split_whitespace().next().unwrap_or_default();
            exported.push((name.to_owned(), value.to_owned()));
            continue;
        }
        let output = command("bash", NOBODY)
            .args(["-c", &line])
            .env("PATH", &path)
            .env("BUILT", &bundle)
            .envs(exported.iter().cloned())
            .output()
            .expect("bash");
        let text = shown(&output);
        match line.split_whitespace().next() {
            Some("aws" | "cargo") => assert!(text.starts_with("called: "), "{line}: {text}"),
            _ => {
                let reached =
                    text.contains("Could not connect") || text.contains("cannot read the stack");
                assert!(!output.status.success() && reached, "{line}: {text}");
            }
        }
        called.push(line);
    }
    for wanted in
        ["aws cloudformation deploy --template-file warehouse.yaml", "make deploy", "segue run"]
    {
        assert!(called.iter().any(|line| line.starts_with(wanted)), "{wanted}: {called:?}");
    }
}

#[test]
fn a_sam_deploy_without_a_build_ends_with_an_error_and_deploys_no_source() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["template.yaml", "samconfig.toml"] {
        fs::copy(root().join(name), folder.path().join(name)).expect("a copy");
    }
    // It does not deploy what local mode builds, either.
    fs::create_dir_all(folder.path().join(".aws-sam/local")).expect("a folder");
    fs::copy(root().join("template.yaml"), folder.path().join(".aws-sam/local/template.yaml"))
        .expect("a copy");
    let output = command(root().join(".tools/sam/bin/sam"), NOBODY)
        .current_dir(folder.path())
        .arg("deploy")
        .output()
        .expect(".tools/sam: run `make tools` first");
    let text = shown(&output);
    assert!(!output.status.success() && text.contains("Template file not found"), "{text}");
}
