//! placeholder
use crate::errors::Outcome;
use clap::Args;
use std::path::Path;
/// w
#[derive(Debug, Args)]
pub struct Wishes {
    /// s
    #[arg(long)]
    pub songs: Option<u32>,
}
/// g
pub fn generate(_o: &Path, w: &Wishes) -> Outcome {
    let _ = w.songs;
    Ok(())
}
