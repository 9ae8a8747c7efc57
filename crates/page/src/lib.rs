//! What the pages of Segue share: templates that print text and never markup, formats of numbers, and
//! one style, the only thing that a page's policy admits.

pub mod format;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use sha2::{Digest, Sha256};

/// The style of a page, for its `style` element.
pub const STYLE: &str = include_str!("style.css");
/// Where the command line may add sections to a report.
pub const DATA_MARKER: &str = "<!-- segue: sections about the data -->";

/// A page's content security policy: its own style, and nothing else from anywhere.
pub fn policy() -> String {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}

/// An environment for these templates. What they print is text, see [`format::print`].
///
/// # Errors
/// For a template with a mistake.
pub fn environment(
    templates: &[(&'static str, &'static str)],
) -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(format::print);
    environment.add_filter("thousands", format::thousands);
    environment.add_filter("bytes", format::bytes);
    environment.add_filter("duration", format::duration);
    environment.add_filter("moment", format::moment);
    for (name, text) in templates {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}
