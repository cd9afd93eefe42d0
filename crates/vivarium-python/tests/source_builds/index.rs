//! A small package index on the loopback device, and source distributions that are made for a test.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;

/// A directory of files, served as PEP 503 has it until the test's process ends.
pub(crate) struct Index {
    files: Arc<TempDir>,
    address: String,
}

/// A member of an archive.
pub(crate) enum Member<'text> {
    File(&'text str, &'text str),
    Symlink(&'text str, &'text str),
    Device(&'text str),
}

impl Index {
    pub(crate) fn start() -> Self {
        let files = Arc::new(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/simple", listener.local_addr().unwrap());
        let served = Arc::clone(&files);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let served = Arc::clone(&served);
                std::thread::spawn(move || answer(&mut stream.unwrap(), &served));
            }
        });
        Self { files, address }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Where the files lie.
    pub(crate) fn directory(&self) -> &Path {
        self.files.path()
    }

    /// Makes a zip archive out of one that is there.
    pub(crate) fn rewrite_as_zip(&self, stem: &str) {
        let script = "import sys, tarfile, zipfile\nold = tarfile.open(sys.argv[1] + '.tar.gz')\n\
            with zipfile.ZipFile(sys.argv[1] + '.zip', 'w') as new:\n\
            \x20   for member in old:\n        new.writestr(member.name, old.extractfile(member).read())\n";
        let made = Command::new("python3").args(["-I", "-c", script]).arg(self.path(stem)).status();
        assert!(made.unwrap().success());
        std::fs::remove_file(self.path(&format!("{stem}.tar.gz"))).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Puts an archive of these members into the index.
    pub(crate) fn add(&self, file: &str, members: &[Member<'_>]) {
        let mut script = "import io, sys, tarfile\narchive = tarfile.open(sys.argv[1], 'w:gz')\n\
            def add(name, kind, text='', link=''):\n\
            \x20   member = tarfile.TarInfo(name)\n    member.type, member.linkname = kind, link\n\
            \x20   member.size = len(text.encode())\n    archive.addfile(member, io.BytesIO(text.encode()))\n"
            .to_owned();
        for member in members {
            script.push_str(&match member {
                Member::File(name, text) => format!("add({name:?}, tarfile.REGTYPE, {text:?})\n"),
                Member::Symlink(name, target) => format!("add({name:?}, tarfile.SYMTYPE, link={target:?})\n"),
                Member::Device(name) => format!("add({name:?}, tarfile.CHRTYPE)\n"),
            });
        }
        script.push_str("archive.close()\n");
        let made = Command::new("python3").args(["-I", "-c", &script]).arg(self.path(file)).status();
        assert!(made.unwrap().success());
    }

    /// A project whose build system is a module of its own, `backend.py`, which needs nothing else.
    pub(crate) fn add_project(&self, name: &str, backend: &str) {
        let system = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n";
        let (project, module) = (format!("{name}-1.0/pyproject.toml"), format!("{name}-1.0/backend.py"));
        let backend = format!("{HELPERS}\nNAME = {name:?}\n{backend}");
        self.add(&format!("{name}-1.0.tar.gz"), &[Member::File(&project, system), Member::File(&module, &backend)]);
    }

    /// A wheel that needs no build.
    pub(crate) fn add_wheel(&self, name: &str) {
        let script = format!("{HELPERS}\nimport sys\nwheel(sys.argv[1], {name:?})");
        let made = Command::new("python3").args(["-I", "-c", &script]).arg(self.files.path()).status();
        assert!(made.unwrap().success());
    }
}

/// What backends of tests are made of.
const HELPERS: &str = r#"
import os, zipfile

def wheel(directory, name, body="", version="1.0", file=None):
    file = file or f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, file), "w") as archive:
        info = f"{name}-{version}.dist-info/"
        archive.writestr(f"{name}.py", body)
        archive.writestr(info + "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(info + "RECORD", f"{name}.py,,\n" + "".join(f"{info}{x},,\n" for x in ("METADATA", "WHEEL", "RECORD")))
    return file
"#;

fn answer(stream: &mut TcpStream, files: &TempDir) {
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(count @ 1..) => request.extend_from_slice(&chunk[..count]),
            _ => return,
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default().trim_matches('/').to_owned();
    let (status, kind, body) = match path.strip_prefix("simple/") {
        Some(project) => page(project, files),
        None => file(path.trim_start_matches("files/"), files),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let body: &[u8] = if text.starts_with("HEAD") { &[] } else { &body };
    // Whoever asked may have gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// A file named `NAME.sha256` beside a file is the hash that the page tells.
fn page(project: &str, files: &TempDir) -> (&'static str, &'static str, Vec<u8>) {
    let names = std::fs::read_dir(files.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let prefix = format!("{project}-");
    let own = names.filter(|name| name.replace('_', "-").starts_with(&prefix) && !name.ends_with(".sha256"));
    let anchor = |name: String| {
        let hash = std::fs::read_to_string(files.path().join(format!("{name}.sha256")));
        let fragment = hash.map(|hash| format!("#sha256={hash}")).unwrap_or_default();
        format!("<a href=\"../../files/{name}{fragment}\">{name}</a>\n")
    };
    let body: String = own.map(anchor).collect();
    let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
    (status, "text/html", body.into_bytes())
}

fn file(name: &str, files: &TempDir) -> (&'static str, &'static str, Vec<u8>) {
    match std::fs::read(files.path().join(name)) {
        Ok(bytes) => ("200 OK", "application/octet-stream", bytes),
        Err(_) => ("404 Not Found", "text/plain", Vec::new()),
    }
}

impl Index {
    /// Has the page tell a hash for a file.
    pub(crate) fn promise(&self, file: &str, sha256: &str) {
        std::fs::write(self.path(&format!("{file}.sha256")), sha256).unwrap();
    }
}
