//! Deploys the built template to the emulator with the real `sam deploy`.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sha2::{Digest, Sha256};

use super::{environment, environment::local_environment, ports::Ports, process::last_lines};
use crate::{
    aws::{self, AwsClients},
    errors::{Outcome, Problem, on_file},
    project::Project,
};

/// The name of the local stack.
pub const STACK: &str = "segue-local";
const ARTIFACT_BUCKET: &str = "segue-local-artifacts";
const SAM: &str = ".tools/sam/bin/sam";
const BUILT_TEMPLATE: &str = ".aws-sam/local/template.yaml";
/// What the fingerprint covers: functions, template and the definitions that it names.
const DEPLOYED_FOLDERS: [&str; 2] = [".aws-sam/local", "statemachine"];
/// The local warehouse answers for every workgroup, and needs no role.
pub const WORKGROUP: &str = "arn:aws:redshift-serverless:us-east-1:000000000000:workgroup/00000000-0000-0000-0000-000000000000";
const COPY_ROLE: &str = "arn:aws:iam::000000000000:role/segue-local-copy";

/// A deployment with everything that it needs.
pub struct Deployment {
    sam: PathBuf,
    template: PathBuf,
    log: PathBuf,
    folder: PathBuf,
    /// Equal for equal template, functions, definitions and parameters.
    pub fingerprint: String,
}

impl Deployment {
    /// Finds what `make tools` and `make build` leave behind.
    pub fn prepare(project: &Project) -> Outcome<Self> {
        let sam = project.needed(SAM, "make tools")?;
        let template = project.needed(BUILT_TEMPLATE, "make build")?;
        let folder = project.state().join("deploy");
        fs::create_dir_all(&folder).map_err(on_file("create", &folder))?;
        let log = project.state().join("logs/deploy.log");
        Ok(Self { sam, template, log, folder, fingerprint: fingerprint(project)? })
    }

    /// Deploys, and waits until it is done.
    pub async fn run(&self, clients: &AwsClients, ports: Ports) -> Outcome {
        clients
            .s3()
            .create_bucket()
            .bucket(ARTIFACT_BUCKET)
            .send()
            .await
            .map_err(|error| aws::problem("create the bucket for deployments", error))?;
        let output = File::create(&self.log).map_err(on_file("write", &self.log))?;
        let errors = output.try_clone().map_err(on_file("write", &self.log))?;
        let status = tokio::process::Command::from(self.command(ports))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .kill_on_drop(true)
            .status()
            .await
            .map_err(on_file("run", &self.sam))?;
        if status.success() {
            return Ok(());
        }
        Err(Problem::failed(format!("`sam deploy` failed ({status}):\n{}", last_lines(&self.log)))
            .hint(format!("the whole log is {}", self.log.display())))
    }

    fn command(&self, ports: Ports) -> Command {
        let mut command = Command::new(&self.sam);
        local_environment(&mut command);
        command
            // Outside the checkout, whose samconfig.toml is for the user's own account.
            .current_dir(&self.folder)
            .env("AWS_ENDPOINT_URL", ports.emulator_url())
            .env("SAM_CLI_TELEMETRY", "0")
            .arg("deploy")
            .arg("--template-file")
            .arg(&self.template)
            .args(["--stack-name", STACK, "--s3-bucket", ARTIFACT_BUCKET])
            .args(["--region", environment::REGION])
            .args(["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
            .args(["--no-confirm-changeset", "--no-fail-on-empty-changeset"])
            .arg("--parameter-overrides")
            .args(parameters());
        command
    }
}

fn parameters() -> [String; 5] {
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    };
    [
        format!("WorkgroupArn={WORKGROUP}"),
        format!("CopyRoleArn={COPY_ROLE}"),
        format!("Architecture={architecture}"),
        // Locally, nobody wants to wait a minute for an event.
        "BatchingWindowSeconds=1".into(),
        "WakeUpSeconds=5".into(),
    ]
}

fn fingerprint(project: &Project) -> Outcome<String> {
    let mut hash = Sha256::new();
    for parameter in parameters() {
        hash.update(parameter);
    }
    for folder in DEPLOYED_FOLDERS {
        let mut files = Vec::new();
        list(&project.path(folder), &mut files)?;
        files.sort();
        for file in files {
            // A project that has moved is still deployed.
            let name = file.strip_prefix(project.path("")).unwrap_or(&file);
            hash.update(name.to_string_lossy().as_bytes());
            let mut content = File::open(&file).map_err(on_file("read", &file))?;
            io::copy(&mut content, &mut HashWriter(&mut hash)).map_err(on_file("read", &file))?;
        }
    }
    Ok(hex::encode(hash.finalize()))
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(on_file("read", folder))? {
        let path = entry.map_err(on_file("read", folder))?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
