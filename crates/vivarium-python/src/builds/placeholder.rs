//! Placeholders: wheels with nothing but a version in them, one for each source distribution. They let the installer
//! choose the version, by its own rules, before anything is fetched or built. They are never installed.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::index::SourceFile;
use super::names::in_file;

/// Writes the placeholder of a source distribution into `directory`.
pub(super) fn write(directory: &Path, project: &str, source: &SourceFile) -> io::Result<()> {
    let stem = format!("{}-{}", in_file(project), source.version);
    let mut wheel = ZipWriter::new(File::create(directory.join(format!("{stem}-py3-none-any.whl")))?);
    let parts = [
        ("METADATA", metadata(project, source)),
        ("WHEEL", "Wheel-Version: 1.0\nGenerator: vivarium\nRoot-Is-Purelib: true\nTag: py3-none-any\n".to_owned()),
        ("RECORD", ["METADATA", "WHEEL", "RECORD"].map(|name| format!("{stem}.dist-info/{name},,\n")).concat()),
    ];
    for (name, text) in parts {
        wheel.start_file(format!("{stem}.dist-info/{name}"), SimpleFileOptions::default())?;
        wheel.write_all(text.as_bytes())?;
    }
    wheel.finish()?;
    Ok(())
}

fn metadata(project: &str, source: &SourceFile) -> String {
    let mut text = format!("Metadata-Version: 2.1\nName: {project}\nVersion: {}\n", source.version);
    let requires = source.requires_python.as_deref().filter(|line| !line.contains(['\n', '\r']));
    text.extend(requires.map(|requires| format!("Requires-Python: {requires}\n")));
    text
}
