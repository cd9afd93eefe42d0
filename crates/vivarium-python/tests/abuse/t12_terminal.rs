//! T12, T13: no terminal to inject into, no program of the host to overwrite.

use crate::stage::{Stage, in_both_modes};

in_both_modes!(no_terminal_can_be_had, no_running_program_can_be_overwritten, no_file_of_the_script_is_executed);

async fn no_terminal_can_be_had(stage: &Stage) {
    let source = "import fcntl, termios
for path in ('/dev/tty', '/dev/console', '/dev/ptmx', '/dev/pts/0', '/dev/pts/ptmx', '/dev/tty0'):
    refuse_path(path, os.O_RDWR, os.O_RDONLY)
refuse('a pair of terminals', os.openpty)
assert not any(os.isatty(number) for number in range(4))
for number in range(4):
    for name in ('TIOCSTI', 'TIOCSCTTY', 'TIOCGPGRP'):
        refuse(name, fcntl.ioctl, number, getattr(termios, name), b'x' * 8)
    refuse('another foreground group', os.tcsetpgrp, number, os.getpgrp())
";
    stage.all_refused(source).await;
}

async fn no_running_program_can_be_overwritten(stage: &Stage) {
    let source = "
paths = {line.split()[-1] for line in open('/proc/self/maps') if line.split()[-1].startswith('/')}
assert len(paths) > 2, paths
for path in sorted(paths) + ['/proc/self/exe', '/proc/1/exe', sys.executable]:
    refuse_path(path, os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC)
    refuse('a truncation of ' + path, os.truncate, path, 0)
if os.fork() == 0:
    os.execv('/proc/self/exe', ['python', '-I', '-S', '-c', 'import os; os.read(3, 1)'])
for _ in range(200): refuse_path('/proc/self/exe', os.O_RDWR)
";
    stage.all_refused(source).await;
}

async fn no_file_of_the_script_is_executed(stage: &Stage) {
    let source = "import shutil
for place in ('/tmp', '/home/sandbox', '/dev/shm'):
    shutil.copy(sys.executable, place + '/program'); os.chmod(place + '/program', 0o4755)
    refuse('a program in ' + place, os.execv, place + '/program', ['program'])
    open(place + '/text', 'w').write('#!' + sys.executable); os.chmod(place + '/text', 0o755)
    refuse('a text in ' + place, os.execv, place + '/text', ['text'])
for path in ('/bin/sh', '/usr/bin/env', '/usr/bin/su', '/sbin/init'):
    refuse(path, os.execv, path, [path])
";
    stage.all_refused(source).await;
}
