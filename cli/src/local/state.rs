//! What local mode remembers between commands: `.segue/local.json`, guarded by `.segue/lock`.

use std::{
    fs::{self, File},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

use super::{ports::Ports, process::Running, warehouse::WarehouseOptions};
use crate::{
    errors::{Outcome, Problem, on_file},
    project::Project,
};

/// The remembered state; a missing file is an empty one.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct State {
    /// The ports that both programs were started with; they name each other by them.
    pub ports: Option<Ports>,
    /// The stand-in for AWS.
    pub emulator: Option<Running>,
    /// The stand-in for Redshift.
    pub warehouse: Option<Running>,
    /// How the warehouse behaves.
    pub warehouse_options: WarehouseOptions,
    /// Fingerprint of the last deployment that a clean shutdown of the emulator saved.
    pub deployed: Option<String>,
}

impl State {
    /// Reads the state of a project.
    pub fn load(project: &Project) -> Outcome<Self> {
        let path = file(project);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(&path).map_err(on_file("read", &path))?;
        serde_json::from_str(&text).map_err(|error| {
            Problem::failed(format!("{} cannot be read: {error}", path.display()))
                .hint("run `segue local down --purge` and start again")
        })
    }

    /// Writes the state so that a crash leaves the old or the new one, never half of it.
    pub fn save(&self, project: &Project) -> Outcome {
        let path = file(project);
        let draft = path.with_extension("json.draft");
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Problem::failed(format!("cannot write the state: {error}")))?;
        fs::create_dir_all(project.state()).map_err(on_file("create", &path))?;
        fs::write(&draft, text).map_err(on_file("write", &draft))?;
        fs::rename(&draft, &path).map_err(on_file("write", &path))
    }

    /// Whether both programs run.
    pub fn is_up(&self) -> bool {
        [&self.emulator, &self.warehouse]
            .into_iter()
            .all(|program| program.as_ref().is_some_and(Running::is_alive))
    }
}

/// Keeps two commands from starting or stopping the same programs at once, until it is dropped.
pub fn lock(project: &Project) -> Outcome<File> {
    let path = project.state().join("lock");
    fs::create_dir_all(project.state()).map_err(on_file("create", &path))?;
    let file = File::create(&path).map_err(on_file("open", &path))?;
    file.lock().map_err(on_file("lock", &path))?;
    Ok(file)
}

fn file(project: &Project) -> PathBuf {
    project.state().join("local.json")
}
