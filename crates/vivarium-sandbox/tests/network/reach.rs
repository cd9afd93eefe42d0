//! Reachable and unreachable.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use vivarium_sandbox::network::{Attachment, NetworkSettings, Outcome};

use crate::common;
use crate::world::{World, begin, inside};

fn refused(attachment: &Attachment) -> Vec<String> {
    let attempts = attachment.attempts().into_iter();
    attempts.filter(|attempt| attempt.outcome == Outcome::NotListed).map(|attempt| attempt.target.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_listed_addresses_are_reached() {
    if !inside("reach::only_listed_addresses_are_reached") {
        return;
    }
    let Some(world) = World::make("reach", &NetworkSettings::default()) else { return };
    let policy = world.policy(&["10.9.9.9/32", "fd09::9/128"]).await;
    let script = "print(*[echo(a) for a in ('10.9.9.9', '::ffff:10.9.9.9', 'fd09::9', '10.9.9.10', 'fd09::8')])";
    let (output, attachment) = world.run(&policy, script).await;
    assert_eq!(output, "hello hello hello ECONNREFUSED ECONNREFUSED");
    assert_eq!(refused(&attachment), ["10.9.9.10:7", "[fd09::8]:7"]);
    assert_eq!(policy.refused(), 2);
}

/// T3: the list names nothing of this, though it names everything.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_host_is_reached_even_if_everything_is_listed() {
    if !inside("reach::nothing_of_the_host_is_reached_even_if_everything_is_listed") {
        return;
    }
    let Some(world) = World::make("host", &NetworkSettings::default()) else { return };
    let policy = world.policy(&["0.0.0.0/0", "::/0"]).await;
    let name = SocketAddr::from_abstract_name("vivarium-test").unwrap();
    let _abstract_socket = UnixListener::bind_addr(&name).unwrap();
    // The second echo server listens on all addresses of the host, the one of clouds' secrets among them.
    let script = "
for address in ('127.0.0.1', '::1', '0.0.0.0', '::', '::ffff:127.0.0.1', '::ffff:0.0.0.0', '0.0.0.1', '::127.0.0.1',
                '169.254.169.254', '::ffff:169.254.169.254', 'fe80::1%eth0', '224.0.0.1', '255.255.255.255',
                'ff02::1%eth0', '100.64.0.1'):
    assert echo(address, timeout=1) != 'hello', address
try:
    socket.socket(socket.AF_UNIX).connect('\\0vivarium-test'); print('connected')
except OSError: pass
print(echo('10.9.9.1'), echo('10.9.9.9'))
";
    let (output, attachment) = world.run(&policy, script).await;
    assert_eq!(output, "hello hello", "what is listed is");
    assert!(refused(&attachment).contains(&"169.254.169.254:7".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_within_the_link_local_range_opens_it() {
    if !inside("reach::a_block_within_the_link_local_range_opens_it") {
        return;
    }
    let Some(world) = World::make("link-local", &NetworkSettings::default()) else { return };
    let policy = world.policy(&["169.254.169.254/32"]).await;
    assert_eq!(world.run(&policy, "print(echo('169.254.169.254'))").await.0, "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lists_hold_side_by_side_and_an_empty_one_opens_nothing() {
    if !inside("reach::two_lists_hold_side_by_side_and_an_empty_one_opens_nothing") {
        return;
    }
    let Some(world) = World::make("two", &NetworkSettings::default()) else { return };
    let (nine, ten, none) =
        tokio::join!(world.policy(&["10.9.9.9/32"]), world.policy(&["10.9.9.10/32"]), world.policy(&[]));
    let script = "print(echo('10.9.9.9'), echo('10.9.9.10'))";
    let (nine, ten, none) = tokio::join!(world.run(&nine, script), world.run(&ten, script), world.run(&none, script));
    assert_eq!((nine.0.as_str(), ten.0.as_str()), ("hello ECONNREFUSED", "ECONNREFUSED hello"));
    assert_eq!(none.0, "ECONNREFUSED ECONNREFUSED");
}

/// T3: another instance. It listens on all its addresses, and the list would allow the whole range.
#[tokio::test(flavor = "multi_thread")]
async fn no_instance_reaches_another() {
    if !inside("reach::no_instance_reaches_another") {
        return;
    }
    let Some(world) = World::make("others", &NetworkSettings::default()) else { return };
    let policy = world.policy(&["0.0.0.0/0", "::/0", "100.64.0.0/10"]).await;
    let listen = "
server = socket.create_server(('::', 7007), family=socket.AF_INET6, dualstack_ipv6=True)
print('ready', flush=True)
server.accept(); print('reached')
";
    let (mut victim, _attachment) = world.start(&policy, listen).await;
    let (stdout, _stderr) = begin(&mut victim);
    let mut stdout = tokio::net::unix::pipe::Receiver::from_owned_fd(stdout).unwrap();
    assert_eq!(common::read_line(&mut stdout).await, "ready");
    let script = "
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
    own.connect(('10.9.9.9', 7)); print(own.getsockname()[0])
print(echo('100.64.0.16', 7007, 1), echo('fd76:6976:6172:6975::10', 7007, 1))
";
    let (output, _) = world.run(&policy, script).await;
    assert!(output.starts_with("100.64.0.17\n"), "{output}");
    assert!(!output.contains("hello"), "{output}");
    victim.kill();
    assert_ne!(common::read_line(&mut stdout).await, "reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_redirected_is_refused_at_once() {
    if !inside("reach::what_cannot_be_redirected_is_refused_at_once") {
        return;
    }
    let Some(world) = World::make("udp", &NetworkSettings::default()) else { return };
    let policy = world.policy(&["10.9.9.9/32"]).await;
    let script = "
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
    own.settimeout(10); own.connect(('10.9.9.9', 7)); own.send(b'x')
    try: own.recv(1)
    except OSError as error: print(errno.errorcode.get(error.errno, 'timeout'))
for family, kind, protocol in ((socket.AF_INET, socket.SOCK_RAW, 1), (socket.AF_PACKET, socket.SOCK_RAW, 3)):
    try: socket.socket(family, kind, protocol); print('a raw socket')
    except OSError as error: print(errno.errorcode[error.errno])
";
    let (output, _) = world.run(&policy, script).await;
    let lines: Vec<_> = output.lines().collect();
    assert!(
        matches!(
            lines[..],
            ["EACCES" | "EHOSTUNREACH" | "ECONNREFUSED", "EPERM" | "EAFNOSUPPORT", "EPERM" | "EAFNOSUPPORT"]
        ),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_is_told_apart_from_who_is_not_listed() {
    if !inside("reach::who_does_not_answer_is_told_apart_from_who_is_not_listed") {
        return;
    }
    let Some(world) = World::make("closed", &NetworkSettings::default()) else { return };
    let policy = world.policy(&["10.9.9.9/32"]).await;
    let (output, attachment) = world.run(&policy, "print(echo('10.9.9.9', 8))").await;
    assert_eq!(output, "ECONNRESET");
    let attempts = attachment.attempts();
    let [attempt] = &attempts[..] else { panic!("{attempts:?}") };
    assert_eq!(attempt.target.to_string(), "10.9.9.9:8");
    assert!(matches!(&attempt.outcome, Outcome::Unreachable(why) if why.contains("refused")), "{attempt:?}");
}
