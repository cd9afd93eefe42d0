//! T4: what one run leaves, the next one of the same runtime never meets.

use crate::bait::digest;
use crate::stage::{Stage, in_both_modes};

in_both_modes!(nothing_written_meets_the_next_run, nothing_patched_in_memory_meets_the_next_run);

const WRITE: &str = "
for place in writable_places():
    open(place + '/mark-of-a', 'w').write('a')
    os.mkdir(place + '/mark-of-a-directory')
    for name in ('sitecustomize.py', 'usercustomize.py', 'json.py', 'mark.pth'):
        open(os.path.join(place, name), 'w').write('raise SystemExit(99)')
for path in (os.__file__, os.path.dirname(os.__file__) + '/mark', '/environment/mark', '/vivarium/harness.py', '/etc/passwd', sys.executable):
    refuse_path(path, os.O_WRONLY | os.O_CREAT, os.O_RDWR)
    refuse('a truncation of ' + path, os.truncate, path, 0)
    refuse('new times of ' + path, os.utime, path)
";

const LOOK: &str = "
import json
for top, directories, files in os.walk('/'):
    directories[:] = [name for name in directories if os.path.join(top, name) != '/proc']
    for name in directories + files:
        if 'mark-of-a' in name: print('met', top, name)
assert os.listdir('/tmp') == os.listdir('/home/sandbox') == os.listdir('/dev/shm') == []
";

async fn nothing_written_meets_the_next_run(stage: &Stage) {
    let tree = stage.house.data.path().join("environments");
    let before = digest(&tree);
    stage.park(2).await;
    stage.all_refused(WRITE).await;
    for _ in 0..3 {
        stage.all_refused(LOOK).await;
    }
    assert_eq!(digest(&tree), before, "the packages were changed");
}

const PATCH: &str = "
import builtins, json
builtins.mark = sys.mark = os.mark = json.mark = 1
json.dumps = lambda *a, **k: 'forged'
sys.modules['secrets'] = sys
os.environ['MARK'] = '1'
os.umask(0)
";

const UNPATCHED: &str = "
import builtins, json, secrets
assert not any(hasattr(one, 'mark') for one in (builtins, sys, os, json))
assert json.dumps([1]) == '[1]' and secrets.token_hex(4) and 'MARK' not in os.environ
assert os.umask(0o22) == 0o22
";

async fn nothing_patched_in_memory_meets_the_next_run(stage: &Stage) {
    stage.park(2).await;
    for _ in 0..3 {
        stage.all_refused(PATCH).await;
        stage.all_refused(UNPATCHED).await;
    }
}
