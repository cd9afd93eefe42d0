//! A wheel that comes out of a build is hostile input: what it must be before it may be kept.

use std::borrow::Cow;
use std::io::{self, Cursor, Read};

use pep508_rs::pep440_rs::Version;
use zip::ZipArchive;

use super::names::{in_file, normalized};

/// No wheel has more files.
const MAXIMUM_FILES: usize = 100_000;
const METADATA_BYTES: u64 = 4 << 20;

/// What a wheel has to be.
pub(super) struct Expected<'build> {
    pub(super) project: &'build str,
    pub(super) version: &'build Version,
    /// Bytes of all its files, unpacked.
    pub(super) size_bytes: u64,
}

/// Checks a wheel; the name under which it may be kept.
pub(super) fn check(name: &str, bytes: &[u8], expected: &Expected<'_>) -> Result<String, String> {
    let kept = checked_name(name, expected)?;
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("what it built is no wheel: {error}"))?;
    if archive.len() > MAXIMUM_FILES {
        return Err("its wheel has too many files".to_owned());
    }
    check_files(&mut archive, expected.size_bytes)?;
    check_metadata(&mut archive, expected)?;
    Ok(kept)
}

/// `name-version-python-abi-platform.whl`, made anew out of checked parts.
fn checked_name(name: &str, expected: &Expected<'_>) -> Result<String, String> {
    let wrong = || format!("its wheel has the name `{}`", name.chars().take(100).collect::<String>().escape_debug());
    let stem = name.strip_suffix(".whl").ok_or_else(wrong)?;
    let parts: Vec<&str> = stem.split('-').collect();
    let [project, version, rest @ ..] = parts.as_slice() else {
        return Err(wrong());
    };
    // A number of the build may stand before the tags.
    let tags = &rest[usize::from(rest.len() == 4)..];
    let plain =
        |tag: &&str| !tag.is_empty() && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
    if tags.len() != 3 || !tags.iter().all(plain) {
        return Err(wrong());
    }
    check_identity(project, version, expected)?;
    Ok(format!("{}-{}-{}.whl", in_file(expected.project), expected.version, tags.join("-")))
}

fn check_identity(project: &str, version: &str, expected: &Expected<'_>) -> Result<(), String> {
    let same_version = version.replace('_', "-").parse::<Version>().is_ok_and(|version| version == *expected.version);
    if normalized(project) == expected.project && same_version {
        return Ok(());
    }
    let shown = |text: &str| text.chars().take(100).collect::<String>().escape_debug().to_string();
    Err(format!("it built a wheel of `{} {}`, not of itself", shown(project), shown(version)))
}

/// Every file really is as large as it says, lies inside, and all together are not too large.
fn check_files(archive: &mut ZipArchive<Cursor<&[u8]>>, limit: u64) -> Result<(), String> {
    let mut room = limit;
    for position in 0..archive.len() {
        let broken = |error: &dyn std::fmt::Display| format!("its wheel is broken: {error}");
        let file = archive.by_index(position).map_err(|error| broken(&error))?;
        if file.enclosed_name().is_none() || file.is_symlink() || file.name().is_ok_and(|name| name.starts_with('/')) {
            return Err("its wheel holds a path that lies outside of it, or a link".to_owned());
        }
        let count = io::copy(&mut file.take(room + 1), &mut io::sink()).map_err(|error| broken(&error))?;
        let Some(left) = room.checked_sub(count) else {
            return Err(format!("its wheel takes more than {} MiB", limit >> 20));
        };
        room = left;
    }
    Ok(())
}

/// One directory `*.dist-info`, which says what the name says.
fn check_metadata(archive: &mut ZipArchive<Cursor<&[u8]>>, expected: &Expected<'_>) -> Result<(), String> {
    let is_metadata = |name: &Cow<'_, str>| name.ends_with(".dist-info/METADATA") && name.matches('/').count() == 1;
    let found: Vec<String> = archive.file_names().flatten().filter(is_metadata).map(Cow::into_owned).collect();
    let [path] = found.as_slice() else {
        return Err("its wheel does not say what it is: it needs one METADATA".to_owned());
    };
    let directory = path.trim_end_matches(".dist-info/METADATA");
    let (project, version) = directory.split_once('-').unwrap_or((directory, ""));
    check_identity(project, version, expected)?;
    let mut text = String::new();
    let file = archive.by_name(path).map_err(|error| error.to_string())?;
    file.take(METADATA_BYTES).read_to_string(&mut text).map_err(|error| format!("its METADATA is broken: {error}"))?;
    let field = |name: &str| text.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix(name));
    check_identity(field("Name:").unwrap_or("").trim(), field("Version:").unwrap_or("").trim(), expected)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn wheel(files: &[(&str, &str)]) -> Vec<u8> {
        let mut wheel = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            wheel.start_file(*name, SimpleFileOptions::default()).unwrap();
            wheel.write_all(text.as_bytes()).unwrap();
        }
        wheel.finish().unwrap().into_inner()
    }

    fn judged(name: &str, files: &[(&str, &str)]) -> Result<String, String> {
        let version = "1.0".parse().unwrap();
        check(name, &wheel(files), &Expected { project: "a-b", version: &version, size_bytes: 1000 })
    }

    const GOOD: (&str, &str) = ("a_b-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: A.b\nVersion: 1.0\n\ntext");

    #[test]
    fn a_wheel_of_itself_is_kept_under_a_name_of_ours() {
        assert_eq!(judged("A_B-1.0-py3-none-any.whl", &[GOOD]).unwrap(), "a_b-1.0-py3-none-any.whl");
        assert_eq!(judged("a_b-1-7x-py2.py3-none-any.whl", &[GOOD]).unwrap(), "a_b-1.0-py2.py3-none-any.whl");
    }

    #[test]
    fn other_names_are_refused() {
        for name in
            ["a_b-1.0.whl", "../a_b-1.0-py3-none-any.whl", "a_b-1.0-py3-none-../x.whl", "a_b-1.0-py3-none-any.zip"]
        {
            assert!(judged(name, &[GOOD]).is_err(), "{name}");
        }
        assert!(judged("pip-1.0-py3-none-any.whl", &[GOOD]).unwrap_err().contains("not of itself"));
        assert!(judged("a_b-1.1-py3-none-any.whl", &[GOOD]).is_err());
    }

    #[test]
    fn contents_that_are_somebody_elses_or_too_large_are_refused() {
        let name = "a_b-1.0-py3-none-any.whl";
        let other = ("a_b-1.0.dist-info/METADATA", "Name: pip\nVersion: 1.0\n");
        let large = "x".repeat(2000);
        assert!(judged(name, &[other]).unwrap_err().contains("wheel of `pip 1.0`"));
        assert!(judged(name, &[]).is_err());
        assert!(judged(name, &[GOOD, ("pip-1.0.dist-info/METADATA", "")]).is_err());
        assert!(judged(name, &[GOOD, ("a.py", &large)]).unwrap_err().contains("takes more than"));
        assert!(judged(name, &[GOOD, ("../a.py", "")]).unwrap_err().contains("outside"));
        assert!(judged(name, &[GOOD, ("/a.py", "")]).unwrap_err().contains("outside"));
    }

    #[test]
    fn bytes_that_are_no_archive_are_refused() {
        let version = "1.0".parse().unwrap();
        let expected = Expected { project: "a-b", version: &version, size_bytes: 1000 };
        assert!(check("a_b-1.0-py3-none-any.whl", b"PK nonsense", &expected).unwrap_err().contains("no wheel"));
    }
}
