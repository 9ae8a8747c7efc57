//! `segue --version`: which program this is, and which SQL it was built with.

use std::sync::LazyLock;

use segue_contract::pipeline::{self, DIGEST_CHARACTERS};

use crate::{project::Project, ui};

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let commit = match option_env!("SEGUE_COMMIT") {
        Some(commit) => format!("{commit}, "),
        None => String::new(),
    };
    let sql = &pipeline::built_in_digest()[..DIGEST_CHARACTERS];
    format!("{} ({commit}sql {sql})", env!("CARGO_PKG_VERSION"))
});

/// `0.1.0 (214e469a1, sql 3f9a1c2b)`
pub fn version() -> &'static str {
    &VERSION
}

/// Warns if the checkout around the working directory has other SQL than this program, which shows
/// what a stack runs that was deployed together with it.
pub fn warn_of_other_sql() {
    let Ok(project) = Project::find(None) else { return };
    let Some(digest) = pipeline::digest_of(&project.path("sql")) else { return };
    if digest != pipeline::built_in_digest() {
        ui::say(
            "warning: sql/ of this checkout differs from what this program was built with, and so \
             perhaps from what is deployed",
        );
        ui::say("hint: `make deploy` and `cargo install --path cli --locked` bring them together");
    }
}
