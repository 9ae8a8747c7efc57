//! `segue doctor --data DIR`: what a run would do with a directory's files, without any stack.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use segue_contract::{jsonpaths::JsonPaths, pipeline};

use super::{
    Depth, READ_IT,
    finding::Finding,
    judge,
    sample::{self, Seen},
    shape::{Mapping, Table},
};
use crate::{
    data_set::{DataFile, DataSet},
    errors::{Outcome, Problem, on_file},
    ui, upload,
};

/// Checks the files of a directory. Only a warehouse knows whether a COPY accepts every value, so
/// that is not checked.
///
/// # Errors
/// A directory that cannot be used.
pub fn examine(directory: &Path, depth: Depth) -> Outcome<Vec<Finding>> {
    let data = upload::read(directory)?;
    let mut findings: Vec<Finding> =
        data.lines().map(|line| Finding::good("skipped", line)).collect();
    for source in pipeline::sources() {
        let folder = pipeline::folder(source);
        let count = data.of(source).count();
        let files = format!("{} in {}", ui::count(count, "file"), directory.join(folder).display());
        let counted = match count {
            0 => Finding::warning("files", files, "put files there, unless it should be empty"),
            _ => Finding::good("files", files),
        };
        findings.push(counted.of(source));
        let table = Table::of(source)?;
        let paths = paths(&data, source)?;
        if let Some((whose, paths)) = &paths {
            findings.push(table.paths_fit(whose, paths).of(source));
        }
        let mapping = Mapping::new(table, paths.as_ref().map(|(_, paths)| paths));
        let files: Vec<&DataFile> = data.of(source).collect();
        let (seen, unreadable) = sample(&files, depth, &mapping);
        let found = judge::findings(&mapping, &seen, depth, 0);
        findings.extend(unreadable.into_iter().chain(found).map(|one| one.of(source)));
    }
    let copy = "whether the warehouse accepts every value is not checked here: load the files into \
                the local stack, then run `segue doctor --local`";
    findings.push(Finding::unknown("copy", copy));
    Ok(findings)
}

/// The JSONPaths that an upload would use for a source, and where they are.
fn paths(data: &DataSet, source: &str) -> Outcome<Option<(String, JsonPaths)>> {
    let Some(own) = pipeline::jsonpaths(source) else { return Ok(None) };
    let (whose, text) = match data.jsonpaths.get(source) {
        Some((path, text)) => (path.display().to_string(), text.as_str()),
        None => (format!("sql/stage/{source}.jsonpaths.json"), &*own),
    };
    let paths = JsonPaths::read(text.as_bytes())
        .map_err(|reason| Problem::failed(format!("{whose}: {reason}")))?;
    Ok(Some((whose, paths)))
}

fn sample(files: &[&DataFile], depth: Depth, mapping: &Mapping) -> (Seen, Vec<Finding>) {
    let (mut seen, mut unreadable) = (Seen::default(), Vec::new());
    let (step, bytes_max) = match depth {
        Depth::Sample => (files.len().div_ceil(sample::FILES_MAX).max(1), sample::FILE_BYTES_MAX),
        Depth::EveryFile => (1, sample::WHOLE_FILE_BYTES_MAX),
    };
    for file in files.iter().step_by(step) {
        match head(&file.path, bytes_max).map_err(on_file("read", &file.path)) {
            Ok(bytes) => {
                let name = file.path.display().to_string();
                seen.add(&name, &bytes, file.bytes > bytes_max, mapping);
            }
            Err(problem) => {
                let finding = Finding::problem("documents", &problem, READ_IT);
                unreadable.push(finding.in_file(file.path.display().to_string()));
            }
        }
    }
    (seen, unreadable)
}

fn head(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}
