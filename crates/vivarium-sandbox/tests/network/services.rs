//! What the router itself offers: names, and the server's own interface where that is allowed.

use std::net::SocketAddr;

use vivarium_sandbox::network::{API_HOST, API_URL, NetworkSettings};

use crate::world::{World, inside, resolver};

/// Where `resolver` listens, outside.
const RESOLVER: &str = "127.0.0.1:5354";

const NAMES: &str = "
def name(host, family=0):
    try: return ' '.join(sorted({found[4][0] for found in socket.getaddrinfo(host, 7, family, socket.SOCK_STREAM)}))
    except socket.gaierror: return 'unknown'
";

fn settings() -> NetworkSettings {
    NetworkSettings { resolver: Some(RESOLVER.parse().unwrap()), api: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_lead_to_listed_addresses_only() {
    if !inside("services::names_lead_to_listed_addresses_only") {
        return;
    }
    let Some(world) = World::make("names", &settings()) else { return };
    let _resolver = resolver(RESOLVER);
    let policy = world.policy(&["10.9.9.9/32", "fd09::9/128"]).await;
    let script = format!(
        "{NAMES}
print(name('both.example', socket.AF_INET))
print(name('both.example', socket.AF_INET6))
print(name('other.example'))
print(name('missing.example'))
print(echo('both.example'))
"
    );
    let (output, _) = world.run(&policy, &script).await;
    assert_eq!(output.lines().collect::<Vec<_>>(), ["10.9.9.9", "fd09::9", "unknown", "unknown", "hello"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_unknown_without_a_list_and_without_a_resolver() {
    if !inside("services::names_are_unknown_without_a_list_and_without_a_resolver") {
        return;
    }
    let Some(world) = World::make("no-names", &settings()) else { return };
    let _resolver = resolver(RESOLVER);
    let script = format!("{NAMES}\nprint(name('both.example'))");
    assert_eq!(world.run(&world.policy(&[]).await, &script).await.0, "unknown");
    let without = vivarium_sandbox::network::Network::open(&NetworkSettings::default()).unwrap();
    let world = World { network: without, ..world };
    assert_eq!(world.run(&world.policy(&["10.9.9.9/32"]).await, &script).await.0, "unknown");
}

/// A name server of somebody's own, listed or not, is no way around; nor are many names at once.
#[tokio::test(flavor = "multi_thread")]
async fn the_resolver_answers_nothing_but_addresses_and_not_too_much() {
    if !inside("services::the_resolver_answers_nothing_but_addresses_and_not_too_much") {
        return;
    }
    let Some(world) = World::make("limits", &settings()) else { return };
    let _resolver = resolver(RESOLVER);
    let policy = world.policy(&["10.9.9.9/32"]).await;
    let script = "
import struct
def ask(label, kind):
    query = struct.pack('>6H', 7, 0x100, 1, 0, 0, 0) + bytes([len(label)]) + label + b'\\x07example\\0' + struct.pack('>2H', kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.settimeout(5); own.connect(('100.64.0.1', 53)); own.send(query)
        return own.recv(512)[3] & 15
print(*[ask(b'both', kind) for kind in (1, 16, 255, 12)])
answers = [ask(b'both', 1) for _ in range(100)]
print(answers.count(0) < 80, answers.count(5) > 20, set(answers) <= {0, 5})
";
    let (output, _) = world.run(&policy, script).await;
    assert_eq!(output.lines().collect::<Vec<_>>(), ["0 5 5 5", "True True True"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_own_interface_is_reached_where_that_is_allowed_and_nothing_beside() {
    if !inside("services::the_servers_own_interface_is_reached_where_that_is_allowed_and_nothing_beside") {
        return;
    }
    // The second echo server stands for it.
    let api: SocketAddr = "127.0.0.1:7".parse().unwrap();
    let Some(world) = World::make("api", &NetworkSettings { resolver: None, api: Some(api) }) else { return };
    assert_eq!(API_URL, format!("http://{API_HOST}/"));
    let policy = world.policy(&[]).await;
    let script = "print(echo('100.64.0.1', 80), echo('100.64.0.1', 7), echo('10.9.9.9'), echo('127.0.0.1'))";
    assert_eq!(world.run(&policy, script).await.0, "hello ECONNREFUSED ECONNREFUSED ECONNREFUSED");
}
