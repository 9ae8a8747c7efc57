//! The environment of every program that local mode starts.

use std::process::Command;

/// Region and account of the local stack.
pub const REGION: &str = "us-east-1";
/// The emulator accepts any key; these belong to nobody.
pub const ACCESS_KEY: &str = "test";

/// Removes the user's own AWS settings: nothing that runs locally may reach a real account.
pub fn local_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", ACCESS_KEY)
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
}
