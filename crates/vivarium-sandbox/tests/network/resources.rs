//! What the network takes of the host, and what it leaves.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use vivarium_sandbox::network::{NetworkSettings, Outcome};

use crate::common;
use crate::world::{World, inside, sh};

/// One instance holds its share of connections and no more; a neighbour does not notice.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_connections_hurts_no_neighbour() {
    if !inside("resources::a_flood_of_connections_hurts_no_neighbour") {
        return;
    }
    let limit = Rlimit { current: Some(1024), maximum: Some(1024) };
    setrlimit(Resource::Nofile, limit).unwrap();
    let Some(world) = World::make("flood", &NetworkSettings::default()) else { return };
    let (flooding, quiet) = tokio::join!(world.policy(&["10.9.9.9/32"]), world.policy(&["10.9.9.9/32"]));
    let script = "
held = []
for _ in range(220):
    try: held.append(socket.create_connection(('10.9.9.9', 7), 5))
    except ConnectionResetError: pass
for _ in range(2000):
    with socket.socket() as own:
        own.setblocking(False); own.connect_ex(('10.9.9.10', 7))
print('held', flush=True)
control.recv(1)
";
    let (mut instance, attachment) = world.start(&flooding, script).await;
    let pipes = instance.take_pipes().unwrap();
    let mut stdout = tokio::net::unix::pipe::Receiver::from_owned_fd(pipes.stdout).unwrap();
    rustix::io::write(&pipes.control, b"g").unwrap();
    assert_eq!(common::read_line(&mut stdout).await, "held");
    assert_eq!(world.run(&quiet, "print(echo('10.9.9.9'))").await.0, "hello");
    assert!(attachment.attempts().iter().any(|attempt| attempt.outcome == Outcome::TooMany));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_program_is_named_with_its_remedy() {
    if !inside("resources::a_missing_program_is_named_with_its_remedy") {
        return;
    }
    sh("for nft in /usr/sbin/nft /sbin/nft /usr/bin/nft; do [ ! -e $nft ] || mount --bind /dev/null $nft; done");
    let fault = vivarium_sandbox::network::Network::open(&NetworkSettings::default()).err().unwrap();
    assert!(fault.to_string().contains("`nft`") && fault.remedy().contains("nftables"), "{fault}");
    until("the thread stays", || router_threads() == 0).await;
}

/// The interfaces in the router's namespace, which is that of its thread.
fn interfaces() -> String {
    let task = std::fs::read_dir("/proc/self/task").unwrap().flatten().map(|entry| entry.path());
    let of_router =
        |path: &std::path::PathBuf| std::fs::read_to_string(path.join("comm")).unwrap() == "sandbox-router\n";
    let path = task.into_iter().find(of_router).unwrap();
    std::fs::read_to_string(path.join("net/dev")).unwrap()
}

fn router_threads() -> usize {
    let comms = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    comms
        .filter(|entry| std::fs::read_to_string(entry.path().join("comm")).is_ok_and(|name| name == "sandbox-router\n"))
        .count()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), wait).await.is_ok(), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_behind() {
    if !inside("resources::nothing_is_left_behind") {
        return;
    }
    let Some(world) = World::make("leftovers", &NetworkSettings::default()) else { return };
    let policy = world.policy(&["10.9.9.9/32"]).await;
    let host = sh("ip -o link; nft list ruleset; cat /proc/sys/net/ipv4/ip_forward");
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    for _ in 0..10 {
        let (output, _) = world.run(&policy, "print(echo('10.9.9.9'), echo('10.9.9.10'))").await;
        assert_eq!(output, "hello ECONNREFUSED");
    }
    until("interfaces stay", || interfaces().lines().count() == 3).await;
    until("descriptors stay", || descriptors() <= before).await;
    assert_eq!(sh("ip -o link; nft list ruleset; cat /proc/sys/net/ipv4/ip_forward"), host, "the host is as it was");
    // An instance that is killed takes its end of the pair along, before anybody detaches it.
    let (instance, attachment) = world.start(&policy, "pass").await;
    assert_eq!(interfaces().lines().count(), 4);
    let departure = instance.departure();
    drop(instance);
    departure.wait().await;
    until("the interface of a dead instance stays", || interfaces().lines().count() == 3).await;
    drop(attachment);
    world.network.forget(&policy).await.unwrap();
    drop(world);
    until("the thread stays", || router_threads() == 0).await;
}
