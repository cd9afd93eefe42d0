//! T7, T8: what a script can read of its surroundings holds nothing of the server.

use crate::stage::{Stage, in_both_modes};

in_both_modes!(no_variable_of_the_server_can_be_read, no_descriptor_leads_out, no_memory_of_another_run_is_left);

async fn no_variable_of_the_server_can_be_read(stage: &Stage) {
    let source = "import glob
print(dict(os.environ))
for path in glob.glob('/proc/[0-9]*/*') + glob.glob('/proc/self/*') + ['/proc/1/environ', '/proc/1/cmdline']:
    try: print(open(path, 'rb').read(1 << 16) if path.endswith(('environ', 'cmdline', 'auxv', 'comm')) else '')
    except OSError: pass
";
    let seen = stage.completed(source).await;
    assert!(seen.contains("OMP_NUM_THREADS"), "{seen}");
    for (name, value) in std::env::vars().filter(|(_, value)| value.len() > 12) {
        assert!(!seen.contains(&value), "the value of {name} is visible");
    }
    assert!(!seen.contains("CARGO") && !seen.contains("NEXTEST"), "{seen}");
}

async fn no_descriptor_leads_out(stage: &Stage) {
    let source = "
held = sorted(int(name) for name in os.listdir('/proc/self/fd'))
assert held[:4] == [0, 1, 2, 3] and len(held) == 5, held
kinds = [os.readlink('/proc/self/fd/%d' % number).split(':')[0] for number in range(4)]
assert kinds == ['/dev/null', 'pipe', 'pipe', 'socket'], kinds
for number in range(4):
    refuse('a file beside descriptor %d' % number, lambda: os.open('etc', os.O_RDONLY, dir_fd=number))
assert os.getcwd() == '/home/sandbox' == os.readlink('/proc/self/cwd') and os.readlink('/proc/self/root') == '/'
";
    stage.all_refused(source).await;
}

/// Looks for a text in all memory without ever holding the text itself.
const SCAN: &str = "
first, second = FIRST, SECOND
memory = open('/proc/self/mem', 'rb', 0)
regions = 0
for line in open('/proc/self/maps'):
    span, mode = line.split()[:2]
    begin, end = (int(part, 16) for part in span.split('-'))
    if 'r' not in mode or end >= 1 << 63: continue
    try:
        memory.seek(begin); block = memory.read(end - begin)
    except OSError: continue
    regions += 1
    at = block.find(first)
    while at >= 0:
        if block[at + len(first):at + len(first) + len(second)][::-1] == second: print('found in', line)
        at = block.find(first, at + 1)
assert regions > 10
";

async fn no_memory_of_another_run_is_left(stage: &Stage) {
    stage.park(2).await;
    let scan = SCAN.replace("FIRST", "b'secret-of-'").replace("SECOND", "b'nur-rehtona'");
    assert_ne!(stage.completed(&format!("held = b'secret-of-another-run' + b''\n{scan}")).await, "", "it can find one");
    stage.all_refused("print('secret-of-' + 'another-run' * 1000, file=sys.stderr)").await;
    for _ in 0..2 {
        stage.all_refused(&scan).await;
    }
}
