//! T3: without a whitelist nothing is reachable from a script.

use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use tokio_util::sync::CancellationToken;
use vivarium_domain::ports::{Ending, InstanceEvent};

use crate::stage::{Stage, in_both_modes};

in_both_modes!(
    no_address_of_the_host_answers_by_tcp,
    no_datagram_arrives_at_the_host,
    no_address_beyond_the_host_has_a_way,
    no_socket_of_the_host_without_a_file_is_there,
    no_other_instance_answers,
    no_name_is_resolved_and_no_interface_is_seen,
);

async fn no_address_of_the_host_answers_by_tcp(stage: &Stage) {
    let four = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = four.local_addr().unwrap().port();
    let six = TcpListener::bind(("::1", 0));
    let other = six.as_ref().map_or(port, |six| six.local_addr().unwrap().port());
    let source = format!(
        "import socket
for host in ('127.0.0.1', '127.1.2.3', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1', '::ffff:0.0.0.0', 'localhost'):
    for port in ({port}, {other}):
        refuse(host, lambda: socket.create_connection((host, port), 2))
"
    );
    stage.all_refused(&source).await;
    for listener in [Some(four), six.ok()].into_iter().flatten() {
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}

async fn no_datagram_arrives_at_the_host(stage: &Stage) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let port = socket.local_addr().unwrap().port();
    let source = format!(
        "import socket
for kind, hosts in ((socket.AF_INET, ('127.0.0.1', '0.0.0.0', '255.255.255.255', '127.255.255.255', '224.0.0.1')),
                    (socket.AF_INET6, ('::1', '::ffff:127.0.0.1', 'ff02::1'))):
    try: one = socket.socket(kind, socket.SOCK_DGRAM)
    except OSError: continue
    for name in (socket.SO_BROADCAST, socket.SO_REUSEADDR): one.setsockopt(socket.SOL_SOCKET, name, 1)
    for host in hosts:
        try: one.sendto(b'x', (host, {port}))
        except OSError: pass
"
    );
    stage.all_refused(&source).await;
    assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

async fn no_address_beyond_the_host_has_a_way(stage: &Stage) {
    let source = "import socket
places = ['169.254.169.254', '169.254.0.1', '10.0.0.1', '172.17.0.1', '192.168.0.1', '100.100.100.200', '192.0.2.1',
          'fe80::1', 'fd00:ec2::254', '2001:db8::1', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe']
for host in places:
    for port in (80, 443, 53):
        refuse(host, lambda: socket.create_connection((host, port), 2))
";
    stage.all_refused(source).await;
}

async fn no_socket_of_the_host_without_a_file_is_there(stage: &Stage) {
    let name = format!("vivarium-abuse-{}-{:?}", std::process::id(), stage.mode());
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    listener.set_nonblocking(true).unwrap();
    let source = format!(
        "import socket
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    refuse('an abstract socket', lambda: socket.socket(socket.AF_UNIX, kind).connect('\\0{name}'))
for path in ('/run/systemd/notify', '/var/run/docker.sock', '/run/dbus/system_bus_socket', '/dev/log'):
    refuse(path, lambda: socket.socket(socket.AF_UNIX).connect(path))
"
    );
    stage.all_refused(&source).await;
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

const SERVER: &str = "import socket
one = socket.create_server(('127.0.0.1', 34567)); one.settimeout(0)
two = socket.socket(socket.AF_UNIX); two.bind('\\0neighbour'); two.listen(); two.settimeout(0)
three = socket.socket(socket.AF_UNIX); three.bind('/tmp/neighbour'); three.listen(); three.settimeout(0)
socket.create_connection(('127.0.0.1', 34567)); one.accept()
print('up')
while True: pass
";

async fn no_other_instance_answers(stage: &Stage) {
    let client = "import socket
refuse('tcp', lambda: socket.create_connection(('127.0.0.1', 34567), 2))
for name in ('\\0neighbour', '/tmp/neighbour'):
    refuse(repr(name), lambda: socket.socket(socket.AF_UNIX).connect(name))
";
    let stop = CancellationToken::new();
    let (up, is_up) = tokio::sync::oneshot::channel();
    let mut up = Some(up);
    let server = stage.house.run_until(stage.request(SERVER), stop.clone(), |event| {
        let said = matches!(event, InstanceEvent::Stdout(_));
        if let Some(up) = up.take_if(|_| said) {
            up.send(()).unwrap();
        }
    });
    let ask = async {
        is_up.await.unwrap();
        stage.all_refused(client).await;
        stop.cancel();
    };
    let (server, ()) = tokio::join!(server, ask);
    assert_eq!(server.outcome.ending, Ending::Cancelled, "{}", server.stderr);
}

async fn no_name_is_resolved_and_no_interface_is_seen(stage: &Stage) {
    let source = "import socket
for name in ('example.com', 'metadata.google.internal', 'host.docker.internal', 'localhost.localdomain.invalid'):
    refuse(name, lambda: socket.getaddrinfo(name, 80))
assert [name for _, name in socket.if_nameindex()] == ['lo'], socket.if_nameindex()
for path in ('/proc/net/tcp', '/proc/net/route', '/sys/class/net'):
    refuse(path, os.stat, path)
assert len(open('/proc/self/net/tcp').readlines()) == 1
refuse('raw packets', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
refuse('raw addresses', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))
refuse('the host by its virtual line', lambda: socket.socket(40, socket.SOCK_STREAM).connect((2, 1)))
";
    stage.all_refused(source).await;
}
