//! T1, T2: every path that the host could later read, write, chown or delete, replaced by something else.

use vivarium_domain::ports::Ending;

use crate::bait::Bait;
use crate::stage::{Stage, in_both_modes};

in_both_modes!(
    links_to_host_files_are_not_followed_at_any_end,
    links_in_place_of_directories_are_not_followed,
    fifos_and_sockets_hold_nobody_up,
    hard_links_to_what_is_shared_cannot_be_made,
    mount_points_cannot_be_replaced,
    the_way_out_of_the_root_is_closed,
    modes_that_lock_everybody_out_do_not_stop_the_cleanup,
    a_rename_loop_does_not_race_the_cleanup,
    a_swap_of_links_and_directories_does_not_race_the_cleanup,
);

/// Replaces whatever there is in each writable place by links to the things of the host at `TARGET`.
fn links(bait: &Bait) -> String {
    format!(
        "TARGET = {:?}
import shutil
places = sorted(writable_places())
assert {{'/tmp', '/home/sandbox', '/dev/shm'}} <= set(places), places
for place in places:
    for name in os.listdir(place):
        path = os.path.join(place, name)
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    for name in ('', '/file', '/directory', '/directory/file', '/none'):
        link = place + '/link' + name.replace('/', '-')
        os.symlink(TARGET + name, link)
        refuse('reading ' + link, open, link)
        refuse('writing ' + link, open, link, 'w')
        refuse('changing ' + link, os.chmod, link, 0o600)
for name in ('result', 'output', 'stdout', 'harness.py', '.cache', '__pycache__', 'core'):
    os.symlink(TARGET + '/file', name)
",
        bait.path()
    )
}

async fn links_to_host_files_are_not_followed_at_any_end(stage: &Stage) {
    let bait = Bait::lay();
    stage.all_refused(&links(&bait)).await;
    let endings = ["raise ValueError", "os._exit(3)", "os.abort()"];
    for end in endings {
        let ran = stage.run(&format!("{}{end}", links(&bait))).await;
        assert!(matches!(ran.outcome.ending, Ending::Failed { .. }), "{end}: {:?}", ran.outcome.ending);
        assert_eq!(ran.out(), "", "{end}");
    }
    let ran = stage.cancelled_when_up(&format!("{}print('up')\nwhile True: pass", links(&bait))).await;
    assert_eq!((ran.outcome.ending.clone(), ran.out().trim_end()), (Ending::Cancelled, "up"));
    stage.clear().await;
    bait.assert_untouched();
}

async fn links_in_place_of_directories_are_not_followed(stage: &Stage) {
    let bait = Bait::lay();
    let source = format!(
        "import tempfile
os.makedirs('/tmp/a/b/c'); os.rename('/tmp/a', '/tmp/moved'); os.symlink({0:?}, '/tmp/a')
refuse('a file behind the link', open, '/tmp/a/file', 'a')
refuse('a directory behind the link', os.mkdir, '/tmp/a/new')
refuse('a removal behind the link', os.rmdir, '/tmp/a/directory')
for path in ('/proc/self/root', '/proc/self/cwd', '/proc/1/root'):
    refuse(path, open, path + {0:?} + '/file')
",
        bait.path()
    );
    stage.all_refused(&source).await;
    bait.assert_untouched();
}

async fn fifos_and_sockets_hold_nobody_up(stage: &Stage) {
    let source = "import socket
for place in writable_places():
    for number in range(20): os.mkfifo('%s/fifo%d' % (place, number))
    socket.socket(socket.AF_UNIX).bind(place + '/socket')
    open(place + '/held', 'w').close()
held = [os.open(place + '/fifo0', os.O_RDWR) for place in ('/tmp', '/home/sandbox')]
os.set_blocking(held[0], False)
try:
    while True: os.write(held[0], bytes(4096))
except BlockingIOError: pass
if os.fork() == 0:
    os.open('/tmp/fifo1', os.O_RDONLY)
";
    stage.all_refused(source).await;
}

async fn hard_links_to_what_is_shared_cannot_be_made(stage: &Stage) {
    let source = "
shared = [os.__file__, sys.executable, '/etc/passwd', '/dev/null', '/proc/self/exe', '/proc/self/fd/0', '/vivarium/harness.py']
for number, path in enumerate(shared):
    for place in ('/tmp', '/home/sandbox', '/dev/shm'):
        for follow in (True, False):
            refuse('a link to ' + path, lambda: os.link(path, '%s/%d' % (place, number), follow_symlinks=follow))
        refuse('a rename of ' + path, os.rename, path, '%s/%d' % (place, number))
refuse('a link between two places', os.link, '/tmp', '/dev/shm/tmp')
";
    stage.all_refused(source).await;
}

async fn mount_points_cannot_be_replaced(stage: &Stage) {
    let source = "
for path in ('/tmp', '/home/sandbox', '/dev/shm', '/dev', '/dev/null', '/proc', '/environment', '/etc', '/vivarium', '/'):
    refuse('a rename of ' + path, os.rename, path, path.rstrip('/') + '.old')
    refuse('a removal of ' + path, os.rmdir if os.path.isdir(path) else os.unlink, path)
    refuse('a link over ' + path, os.symlink, '/tmp', path)
    refuse('another mode of ' + path, lambda: os.chmod(path, 0o777) if os.stat(path).st_uid != os.getuid() else os.stat('/none'))
";
    stage.all_refused(source).await;
}

async fn the_way_out_of_the_root_is_closed(stage: &Stage) {
    let bait = Bait::lay();
    let source = format!(
        "
up = '/'.join(['..'] * 60)
for path in (up, '/' + up, '/tmp/' + up, '/proc/self/cwd/' + up, '/dev/fd/0/' + up):
    refuse(path, open, path + {:?} + '/file')
assert os.path.samefile('/', up), os.stat(up)
root = os.open('/', os.O_RDONLY)
refuse('a change of root', os.chroot, '/tmp')
os.fchdir(root)
assert sorted(os.listdir('..')) == sorted(os.listdir('/'))
",
        bait.path()
    );
    stage.all_refused(&source).await;
    bait.assert_untouched();
}

async fn modes_that_lock_everybody_out_do_not_stop_the_cleanup(stage: &Stage) {
    let source = "
for place in ('/tmp', '/home/sandbox', '/dev/shm'):
    for number in range(50):
        os.makedirs('%s/%d/a/b' % (place, number))
        open('%s/%d/a/b/file' % (place, number), 'w').close()
        os.chmod('%s/%d/a/b/file' % (place, number), 0)
        os.chmod('%s/%d/a' % (place, number), 0)
        os.chmod('%s/%d' % (place, number), 0o1000)
os.chmod('/home/sandbox', 0)
";
    stage.all_refused(source).await;
}

/// Four processes that rename for as long as they live; the host ends them in the middle of it.
async fn race(stage: &Stage, setup: &str, step: &str) {
    let bait = Bait::lay();
    let source = format!(
        "TARGET = {:?}
{setup}
for _ in range(3):
    if os.fork() == 0: break
else: print('up')
number = 0
while True:
    number += 1
    try:
        {step}
    except OSError: pass
",
        bait.path()
    );
    for round in 0..8 {
        let ran = stage.cancelled_when_up(&source).await;
        assert_eq!(
            (ran.outcome.ending.clone(), ran.out().trim_end()),
            (Ending::Cancelled, "up"),
            "{round}: {}",
            ran.stderr
        );
    }
    stage.clear().await;
    bait.assert_untouched();
}

async fn a_rename_loop_does_not_race_the_cleanup(stage: &Stage) {
    let setup = "os.makedirs('/tmp/a/b'); os.symlink(TARGET, '/tmp/link')";
    race(stage, setup, "os.rename('/tmp/a', '/tmp/c'); os.rename('/tmp/link', '/tmp/a'); os.rename('/tmp/a', '/tmp/link'); os.rename('/tmp/c', '/tmp/a')").await;
}

async fn a_swap_of_links_and_directories_does_not_race_the_cleanup(stage: &Stage) {
    let setup = "os.makedirs('/home/sandbox/a/file'); os.symlink(TARGET, '/home/sandbox/b')
exchange = 2
assert call('renameat2', -100, b'/home/sandbox/a', -100, b'/home/sandbox/b', exchange) == 0";
    race(stage, setup, "call('renameat2', -100, b'/home/sandbox/a', -100, b'/home/sandbox/b', exchange)").await;
}
