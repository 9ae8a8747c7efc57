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

/// A line if a run ran other SQL than this checkout has or, outside of one, than this program.
pub fn of_other_sql(ran: &str) -> Option<String> {
    let here = Project::find(None).ok().and_then(|one| pipeline::digest_of(&one.path("sql")));
    let here = here.unwrap_or_else(pipeline::built_in_digest);
    let short = |digest: &str| digest.chars().take(DIGEST_CHARACTERS).collect::<String>();
    let [ran, here] = [short(ran), short(&here)];
    (ran != here).then(|| {
        format!(
            "warning: the stack runs other SQL ({ran}) than you have here ({here}): `make deploy` \
             deploys yours"
        )
    })
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
