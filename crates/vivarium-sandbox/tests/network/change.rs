//! Lists that change while connections are open.

use tokio::net::unix::pipe::Receiver;
use vivarium_sandbox::network::NetworkSettings;

use crate::common;
use crate::world::{World, inside};

/// Holds two connections, and says what becomes of the first.
const HOLD: &str = "
first, second = (socket.create_connection((a, 7), 5) for a in ('10.9.9.9', '10.9.9.10'))
for connection in (first, second):
    connection.sendall(b'hello\\n'); connection.recv(6)
print('open', flush=True)
try: print('got', first.recv(1), flush=True)
except OSError as error: print(errno.errorcode[error.errno], flush=True)
control.recv(1)
second.sendall(b'still\\n'); print(second.recv(6).decode().strip(), echo('10.9.9.9'))
";

#[tokio::test(flavor = "multi_thread")]
async fn a_shrunk_list_cuts_what_it_does_not_name_any_more_and_nothing_else() {
    if !inside("change::a_shrunk_list_cuts_what_it_does_not_name_any_more_and_nothing_else") {
        return;
    }
    let Some(world) = World::make("shrink", &NetworkSettings::default()) else { return };
    let policy = world.policy(&["10.9.9.0/24"]).await;
    let (mut instance, attachment) = world.start(&policy, HOLD).await;
    let pipes = instance.take_pipes().unwrap();
    let mut stdout = Receiver::from_owned_fd(pipes.stdout).unwrap();
    rustix::io::write(&pipes.control, b"g").unwrap();
    assert_eq!(common::read_line(&mut stdout).await, "open");
    world.allow(&policy, &["10.9.9.10/32"]).await;
    assert_eq!(common::read_line(&mut stdout).await, "ECONNRESET");
    rustix::io::write(&pipes.control, b"g").unwrap();
    assert_eq!(common::read_line(&mut stdout).await, "still ECONNREFUSED");
    assert_eq!(attachment.attempts().last().unwrap().target.to_string(), "10.9.9.9:7");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grown_list_counts_at_once_for_what_is_attached() {
    if !inside("change::a_grown_list_counts_at_once_for_what_is_attached") {
        return;
    }
    let Some(world) = World::make("grow", &NetworkSettings::default()) else { return };
    let policy = world.policy(&[]).await;
    let script = "
print(echo('10.9.9.9'), echo('fd09::9'), flush=True)
control.recv(1)
print(echo('10.9.9.9'), echo('fd09::9'), flush=True)
";
    let (mut instance, _attachment) = world.start(&policy, script).await;
    let pipes = instance.take_pipes().unwrap();
    let mut stdout = Receiver::from_owned_fd(pipes.stdout).unwrap();
    rustix::io::write(&pipes.control, b"g").unwrap();
    assert_eq!(common::read_line(&mut stdout).await, "ECONNREFUSED ECONNREFUSED");
    world.allow(&policy, &["10.9.9.9/32", "fd09::/64"]).await;
    rustix::io::write(&pipes.control, b"g").unwrap();
    assert_eq!(common::read_line(&mut stdout).await, "hello hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_policy_reaches_nothing_and_can_be_followed_by_others() {
    if !inside("change::a_forgotten_policy_reaches_nothing_and_can_be_followed_by_others") {
        return;
    }
    let Some(world) = World::make("forget", &NetworkSettings::default()) else { return };
    let policy = world.policy(&["10.9.9.9/32"]).await;
    world.network.forget(&policy).await.unwrap();
    let script = "print(echo('10.9.9.9', timeout=1))";
    assert_eq!(world.run(&policy, script).await.0, "timeout");
    let other = world.policy(&["10.9.9.9/32"]).await;
    assert_eq!(world.run(&other, script).await.0, "hello");
}
