//! T9: no switch of the kernel is in reach.

use crate::stage::{Stage, in_both_modes};

in_both_modes!(no_switch_of_the_kernel_is_there, no_device_can_be_faked);

async fn no_switch_of_the_kernel_is_there(stage: &Stage) {
    let source = "
for path in ('/proc/sys/kernel/core_pattern', '/proc/sys/kernel/modprobe', '/proc/sys/vm/overcommit_memory', '/proc/sysrq-trigger',
             '/proc/sys/fs/binfmt_misc/register', '/proc/kcore', '/proc/kallsyms', '/proc/keys', '/proc/timer_list', '/proc/scsi',
             '/proc/acpi', '/proc/latency_stats', '/proc/sched_debug', '/sys/kernel/uevent_helper', '/sys/fs/cgroup',
             '/sys/kernel/debug', '/sys/firmware', '/dev/mem', '/dev/kmsg', '/dev/kvm', '/dev/fuse', '/dev/net/tun', '/dev/sda'):
    refuse('seeing ' + path, os.stat, path)
    refuse_path(path, os.O_RDONLY, os.O_WRONLY, os.O_WRONLY | os.O_CREAT)
for name in ('uid_map', 'gid_map', 'setgroups'):
    refuse(name, lambda: os.write(os.open('/proc/self/' + name, os.O_WRONLY), b'0 0 1'))
";
    stage.all_refused(source).await;
}

async fn no_device_can_be_faked(stage: &Stage) {
    let source = "
for name in ('null', 'zero', 'full', 'random', 'urandom'):
    path = '/dev/' + name
    refuse('a removal of ' + path, os.unlink, path)
    refuse('a file over ' + path, os.rename, '/etc/passwd', path)
    refuse('a link over ' + path, os.symlink, '/tmp/x', path)
    refuse('another mode of ' + path, os.chmod, path, 0o600)
    refuse('another owner of ' + path, os.chown, path, os.getuid(), os.getgid())
    refuse('a node like ' + path, os.mknod, '/tmp/' + name, 0o20666, os.stat(path).st_rdev)
refuse('a new device', os.mknod, '/dev/new', 0o60666, os.makedev(8, 0))
assert open('/dev/zero', 'rb').read(4) == bytes(4) and open('/dev/null', 'rb').read() == b''
";
    stage.all_refused(source).await;
}
