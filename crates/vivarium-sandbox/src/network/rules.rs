//! The rules of the router in the language of `nft(8)`, and the program that loads them.
//!
//! Only numbers and parsed blocks are put into the text. It is loaded by whole transactions: all of it or nothing.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use ipnet::IpNet;

use super::address::{GATEWAY_V4, GATEWAY_V6};
use super::fault::NetworkFault;

/// The group of `NFLOG` that hears of refused attempts, within the router's own namespace.
pub(super) const LOG_GROUP: u16 = 5;
/// Bytes of a refused packet that are told: addresses and ports.
pub(super) const LOG_BYTES: u32 = 64;
/// Port of names.
pub(super) const NAME_PORT: u16 = 53;
/// Port of the server's own interface.
pub(super) const API_PORT: u16 = 80;

const PROGRAMS: [&str; 4] = ["/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft", "/usr/bin/nft"];

/// What every router begins with: nothing passes. `forward_port` is where listed connections are taken in.
pub(super) fn base(forward_port: u16, api: bool) -> String {
    let api_port = if api { format!(", {API_PORT}") } else { String::new() };
    format!(
        "table inet vivarium {{
  # Each instance's interface is in the group that its policy has as number; group 0 is nobody's.
  map policies {{ type devgroup : verdict; }}
  set rates {{ typeof iif; flags dynamic; timeout 10s; size 65535; }}

  chain refuse {{
    meta l4proto {{ tcp, udp }} limit rate 500/second burst 500 packets log group {LOG_GROUP} snaplen {LOG_BYTES} queue-threshold 1
    meta l4proto tcp reject with tcp reset
    reject with icmpx type admin-prohibited
  }}

  chain guard {{
    type filter hook prerouting priority mangle; policy drop;
    # Who says to be somebody else is not heard.
    fib saddr . iif oif missing drop
    iifgroup 0 drop
    # What the kernel of the instance says of itself.
    ip6 daddr ff00::/8 drop
    ct state established,related accept
    ct state invalid drop
    # A flood of connections of one instance must not fill the table of all.
    update @rates {{ iif limit rate over 500/second burst 1000 packets }} reject with icmpx type admin-prohibited
    ip daddr {GATEWAY_V4} meta l4proto {{ tcp, udp }} th dport {NAME_PORT} accept
    ip daddr {GATEWAY_V4} tcp dport {{ {NAME_PORT}{api_port} }} accept
    ip daddr {GATEWAY_V4} jump refuse
    ip6 daddr {GATEWAY_V6} jump refuse
    iifgroup vmap @policies
  }}

  chain redirect_listed {{
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr {GATEWAY_V4} accept
    meta l4proto tcp dnat ip to {GATEWAY_V4}:{forward_port}
    meta l4proto tcp dnat ip6 to [{GATEWAY_V6}]:{forward_port}
  }}

  chain arriving {{
    type filter hook input priority filter; policy drop;
    iifgroup 0 drop
    ct state established,related accept
    ct status dnat tcp dport {forward_port} accept
    ip daddr {GATEWAY_V4} meta l4proto {{ tcp, udp }} th dport {NAME_PORT} accept
    ip daddr {GATEWAY_V4} tcp dport {{ {NAME_PORT}{api_port} }} accept
  }}

  chain passing {{ type filter hook forward priority filter; policy drop; }}

  chain leaving {{
    type filter hook output priority filter; policy drop;
    oifgroup 0 drop
    ct state established,related accept
    icmp type destination-unreachable accept
    icmpv6 type destination-unreachable accept
  }}
}}
"
    )
}

/// A policy that did not exist, still without blocks.
pub(super) fn new_policy(number: u32) -> String {
    format!(
        "add set inet vivarium v4_{number} {{ type ipv4_addr; flags interval; auto-merge; }}
add set inet vivarium v6_{number} {{ type ipv6_addr; flags interval; auto-merge; }}
add chain inet vivarium policy_{number}
add rule inet vivarium policy_{number} ip daddr @v4_{number} meta l4proto tcp accept
add rule inet vivarium policy_{number} ip6 daddr @v6_{number} meta l4proto tcp accept
add rule inet vivarium policy_{number} jump refuse
add element inet vivarium policies {{ {number} : jump policy_{number} }}
"
    )
}

/// Replaces the blocks of a policy.
pub(super) fn set_blocks(number: u32, blocks: &[IpNet]) -> String {
    let (v4, v6): (Vec<IpNet>, Vec<IpNet>) = blocks.iter().copied().partition(|block| matches!(block, IpNet::V4(_)));
    let mut text = String::new();
    for (family, blocks) in [("v4", v4), ("v6", v6)] {
        text.push_str(&format!("flush set inet vivarium {family}_{number}\n"));
        if !blocks.is_empty() {
            let list: Vec<_> = blocks.iter().map(ToString::to_string).collect();
            text.push_str(&format!("add element inet vivarium {family}_{number} {{ {} }}\n", list.join(", ")));
        }
    }
    text
}

/// Takes a policy away; what is still attached to it reaches nothing.
pub(super) fn delete_policy(number: u32) -> String {
    format!(
        "delete element inet vivarium policies {{ {number} }}
delete chain inet vivarium policy_{number}
delete set inet vivarium v4_{number}
delete set inet vivarium v6_{number}
"
    )
}

/// Loads a text in the network namespace of the calling thread.
pub(super) fn load(text: &str) -> Result<(), NetworkFault> {
    let program = PROGRAMS.iter().find(|path| Path::new(path).exists());
    let program = program.ok_or_else(|| NetworkFault::no_program("it is not installed"))?;
    let unusable = |error: std::io::Error| NetworkFault::no_program(error.to_string());
    let mut child = Command::new(program)
        .args(["-f", "-"])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(unusable)?;
    if let Some(mut stdin) = child.stdin.take() {
        // It says itself why it did not read to the end.
        let _ = stdin.write_all(text.as_bytes());
    }
    let output = child.wait_with_output().map_err(unusable)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(NetworkFault::rules(said.lines().next().unwrap_or("`nft` failed without a word").to_owned()))
}
