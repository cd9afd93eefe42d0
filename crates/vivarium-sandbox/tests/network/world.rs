//! A world of its own for each test: the test runs again in fresh network and mount namespaces, in which
//! `remote` is another network namespace with the addresses 10.9.9.9, 10.9.9.10 and fd09::9 and a web of echo servers.

use std::process::{Child, Command, Stdio};

use vivarium_sandbox::network::{Attachment, Network, NetworkSettings, Policy};
use vivarium_sandbox::{Instance, Sandbox};

use crate::common;

const INSIDE: &str = "VIVARIUM_TEST_INSIDE";

/// Answers each line with it, for ever, on port 7 of all its addresses; says `ready` first.
const ECHO: &str = "
import socket, threading
server = socket.create_server(('::', 7), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
def serve(connection):
    with connection:
        for line in connection.makefile('rb'): connection.sendall(line)
print('ready', flush=True)
while True: threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
";

const SET_UP: &str = "
set -e
mount -t tmpfs none /run
ip link set lo up
ip netns add remote
for namespace in 'env' 'ip netns exec remote'; do
    $namespace sh -c 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad'
done
ip link add out type veth peer name in netns remote
ip addr add 10.9.9.1/24 dev out && ip addr add fd09::1/64 dev out nodad && ip link set out up
ip addr add 169.254.169.254/32 dev lo
ip -n remote addr add 10.9.9.9/24 dev in && ip -n remote addr add 10.9.9.10/24 dev in
ip -n remote addr add fd09::9/64 dev in nodad
ip -n remote link set in up && ip -n remote link set lo up
";

/// What a test works with.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) network: Network,
    pub(crate) _servers: Vec<Server>,
}

pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Whether this is the run inside. Outside it starts that run, and fails with it.
pub(crate) fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can make network namespaces");
        return false;
    }
    for program in ["ip", "nft", "unshare"] {
        let found = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
            .iter()
            .any(|directory| std::path::Path::new(directory).join(program).exists());
        if !found {
            eprintln!("skipped: `{program}` is not installed");
            return false;
        }
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--"]).arg(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(INSIDE, "1");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    eprintln!("{said}");
    assert!(output.status.success() && said.contains("1 passed"));
    false
}

impl World {
    /// `None`, loudly, where the sandbox cannot be had.
    pub(crate) fn make(test: &str, settings: &NetworkSettings) -> Option<Self> {
        sh(SET_UP);
        let sandbox = common::sandbox(test)?;
        let servers = vec![serve(&["ip", "netns", "exec", "remote"]), serve(&["env"])];
        let network = Network::open(settings).unwrap();
        Some(Self { sandbox, network, _servers: servers })
    }

    pub(crate) async fn policy(&self, blocks: &[&str]) -> Policy {
        let policy = self.network.policy();
        self.allow(&policy, blocks).await;
        policy
    }

    pub(crate) async fn allow(&self, policy: &Policy, blocks: &[&str]) {
        let blocks = blocks.iter().map(|block| block.parse().unwrap()).collect();
        self.network.allow(policy, blocks).await.unwrap();
    }

    /// An instance that runs a script once it hears a line on its control socket; attached before.
    pub(crate) async fn start(&self, policy: &Policy, script: &str) -> (Instance, Attachment) {
        let script = format!("{PRELUDE}\n{script}");
        let mut plan = common::python(&script);
        plan.mounts.push(vivarium_sandbox::Mount::File {
            target: "/etc/resolv.conf".into(),
            contents: format!("nameserver {}\n", vivarium_sandbox::network::GATEWAY),
            mode: 0o444,
        });
        let instance = self.sandbox.spawn(plan).await.unwrap();
        let attachment = self.network.attach(&instance, policy).await.unwrap();
        (instance, attachment)
    }

    /// Runs a script to its end: what it printed, and its attachment.
    pub(crate) async fn run(&self, policy: &Policy, script: &str) -> (String, Attachment) {
        let (mut instance, attachment) = self.start(policy, script).await;
        let (reader, stderr) = begin(&mut instance);
        let output = common::read_all(reader).await;
        let errors = common::read_all(stderr).await;
        instance.wait().await;
        assert_eq!(errors, "");
        (output.trim_end().to_owned(), attachment)
    }
}

/// Waits for its attachment, and has `echo`, which says what became of a connection.
const PRELUDE: &str = "
import errno, socket
control = socket.socket(fileno=3)
control.recv(1)
def echo(address, port=7, timeout=5):
    try:
        with socket.create_connection((address, port), timeout) as connection:
            connection.sendall(b'hello\\n')
            return connection.recv(64).decode().strip() or 'closed'
    except OSError as error:
        return errno.errorcode.get(error.errno, 'timeout' if isinstance(error, TimeoutError) else str(error))
";

/// Lets an instance begin; its standard output and error.
pub(crate) fn begin(instance: &mut Instance) -> (std::os::fd::OwnedFd, std::os::fd::OwnedFd) {
    let pipes = instance.take_pipes().unwrap();
    rustix::io::write(&pipes.control, b"g").unwrap();
    (pipes.stdout, pipes.stderr)
}

pub(crate) fn sh(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A name server that knows `both.example` (10.9.9.9, 10.9.9.10, fd09::9, fd09::8) and `other.example` (10.9.9.10).
const NAMES: &str = "
import socket, struct, sys
KNOWN = {(b'both', 1): ['10.9.9.9', '10.9.9.10'], (b'both', 28): ['fd09::9', 'fd09::8'], (b'other', 1): ['10.9.9.10']}
host, port = sys.argv[1].split(':')
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); server.bind((host, int(port)))
print('ready', flush=True)
while True:
    query, peer = server.recvfrom(512)
    label = query[13:13 + query[12]]; kind = struct.unpack('>H', query[-4:-2])[0]
    found = KNOWN.get((label, kind), [])
    code = 0 if any(name == label for name, _ in KNOWN) else 3
    answer = query[:2] + struct.pack('>5H', 0x8180 | code, 1, len(found), 0, 0) + query[12:]
    for address in found:
        data = socket.inet_pton(socket.AF_INET if kind == 1 else socket.AF_INET6, address)
        answer += b'\\xc0\\x0c' + struct.pack('>2HIH', kind, 1, 300, len(data)) + data
    server.sendto(answer, peer)
";

/// Serves names on the host.
pub(crate) fn resolver(address: &str) -> Server {
    spawn(&["python3", "-c", NAMES, address])
}

fn serve(prefix: &[&str]) -> Server {
    spawn(&[prefix, &["python3", "-c", ECHO]].concat())
}

fn spawn(line: &[&str]) -> Server {
    let mut command = Command::new(line[0]);
    command.args(&line[1..]).stdout(Stdio::piped());
    let mut child = command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").spawn().unwrap();
    let mut ready = [0; 5];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
    Server(child)
}
