//! Where things are in a checkout.

use std::path::{Path, PathBuf};

use crate::errors::{Outcome, Problem};

/// The file whose presence makes a folder the project's root.
const ROOT_MARK: &str = "template.yaml";

/// A checkout of the project, by its root.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// Takes the given root, or walks up from the working directory to `template.yaml`.
    pub fn find(given: Option<&Path>) -> Outcome<Self> {
        let start = match given {
            Some(path) => path.to_owned(),
            None => std::env::current_dir()
                .map_err(|error| Problem::failed(format!("no working directory: {error}")))?,
        };
        // One spelling for one checkout: programs are recognised by their paths.
        let start = start.canonicalize().unwrap_or(start);
        let candidates = if given.is_some() { 1 } else { usize::MAX };
        start
            .ancestors()
            .take(candidates)
            .find(|folder| folder.join(ROOT_MARK).is_file())
            .map(|root| Self { root: root.to_owned() })
            .ok_or_else(|| {
                Problem::wrong_use(format!("no {ROOT_MARK} in {}", start.display()))
                    .hint("run this inside a checkout of the project, or name one with --project")
            })
    }

    /// `relative` inside the checkout.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Everything that local mode keeps between commands.
    pub fn state(&self) -> PathBuf {
        self.path(".segue")
    }

    /// A file that another command has to create first.
    pub fn needed(&self, relative: &str, made_by: &str) -> Outcome<PathBuf> {
        let path = self.path(relative);
        if path.exists() {
            return Ok(path);
        }
        Err(Problem::wrong_use(format!("{} is missing", path.display()))
            .hint(format!("run `{made_by}` in {}", self.root.display())))
    }
}
