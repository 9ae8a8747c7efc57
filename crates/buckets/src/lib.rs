//! The landing bucket, where files arrive, and the work bucket, where runs keep their own: what
//! several functions and the command line do with them.

mod jsonpaths;
mod landing;
mod listing;
mod manifest;
mod work;

pub use jsonpaths::find as find_jsonpaths;
pub use landing::{Landing, Source};
pub use listing::{Collect, Object, Place, judge, list};
pub use manifest::{Manifest, encoder};
pub use work::{get, put};
