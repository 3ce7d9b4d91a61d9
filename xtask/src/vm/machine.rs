//! QEMU's command line, and a QEMU process that ends with this one.

use std::{
    fs::File,
    os::{
        fd::{AsRawFd as _, RawFd},
        unix::process::CommandExt as _,
    },
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    fcntl::{FcntlArg, FdFlag, fcntl},
    sys::{
        memfd::{MFdFlags, memfd_create},
        prctl,
        signal::Signal,
    },
    unistd::getppid,
};

use super::{kvm, programs::Programs, store::Kernel};
use crate::{cache::Cache, tool::Tool};

/// The size of the work disk; its file is sparse, so only what is written takes space.
const WORK_BYTES: u64 = 4 << 30;

const MEMORY: &str = "2G";

/// The kernel's parameters. A panic ends the guest at once; grace periods are expedited because attaching
/// programs waits for many of them; the others avoid waiting for hardware that is not there.
const PARAMETERS: &str = "console=ttyS0 quiet loglevel=4 panic=-1 oops=panic \
                          rcupdate.rcu_expedited=1 random.trust_cpu=on mitigations=off \
                          no_timer_check nomodule_sig audit=0";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Accelerator {
    /// The processor runs the guest's instructions.
    Kvm,
    /// QEMU translates the guest's instructions.
    Tcg,
}

/// The files of a VM. They have no names, so none can be left behind.
#[derive(Debug)]
pub(crate) struct Disks {
    pub(crate) initramfs: File,
    pub(crate) work: File,
    pub(crate) mailbox: File,
}

impl Accelerator {
    /// What to try, in order. A silent boot under TCG is repeated once.
    pub(crate) fn attempts(cache: &Cache) -> Vec<Self> {
        let kvm = kvm::is_worth_a_try(cache).then_some(Self::Kvm);
        kvm.into_iter().chain([Self::Tcg, Self::Tcg]).collect()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kvm => "KVM",
            Self::Tcg => "TCG",
        }
    }

    /// Under TCG, some boots of 6.12 crashed with cmpxchg16b, and others with a thread for each CPU: a CPU
    /// ran into a breakpoint of the kernel's own patching (`text_poke_bp_batch`) after its removal.
    ///
    /// Where the processor offers fast string instructions, the kernel copies and clears with `rep movsb`
    /// and `rep stosb`, which TCG emulates byte by byte; a fifth level of page tables costs each miss of the
    /// TLB one more load. Without them all lessons together take a third less time.
    fn options(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Self::Tcg => [
                "-accel",
                "tcg,thread=single",
                "-cpu",
                "max,-cx16,-erms,-fsrm,-la57",
            ],
        }
    }
}

impl Disks {
    pub(crate) fn new(initramfs: File, programs: &Programs<'_>) -> Result<Self> {
        let cache = programs.cache();
        let work = tempfile::tempfile_in(cache.root())
            .with_context(|| format!("open({}, O_TMPFILE)", cache.root().display()))?;
        work.set_len(WORK_BYTES).context("truncate(work disk)")?;
        let made = programs
            .tool("mke2fs")?
            .args(["-q", "-F", "-t", "ext4", "-b", "4096", "-E", "nodiscard"])
            .arg(path(&work))
            .capture();
        made?.require().context("the work disk cannot be made")?;
        let mailbox = memfd_create(c"mailbox", MFdFlags::MFD_CLOEXEC).context("memfd_create")?;
        let mailbox = File::from(mailbox);
        mailbox
            .set_len(mailbox::BYTES)
            .context("truncate(mailbox)")?;
        Ok(Self {
            initramfs,
            work,
            mailbox,
        })
    }
}

/// The path by which another process opens a file without a name.
fn path(file: &File) -> String {
    format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd())
}

fn qemu(
    kernel: &Kernel,
    disks: &Disks,
    accelerator: Accelerator,
    programs: &Programs<'_>,
) -> Result<Tool> {
    let drive = |file: &File| {
        format!(
            "file={},format=raw,if=virtio,cache=unsafe,file.locking=off",
            inherited(file)
        )
    };
    Ok(programs
        .tool("qemu-system-x86_64")?
        .args(accelerator.options())
        .args(["-nodefaults", "-no-user-config", "-display", "none"])
        .args(["-serial", "stdio", "-monitor", "none", "-nic", "none"])
        .args(["-no-reboot", "-smp", "2", "-m", MEMORY])
        .arg("-kernel")
        .arg(&kernel.image)
        .arg("-initrd")
        .arg(inherited(&disks.initramfs))
        .args(["-append", PARAMETERS])
        .arg("-drive")
        .arg(drive(&disks.work))
        .arg("-drive")
        .arg(drive(&disks.mailbox)))
}

/// The path by which QEMU opens a file whose descriptor it inherits.
fn inherited(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Starts the VM; its serial line is the child's standard output. The kernel kills it when the calling
/// thread ends, for whatever reason.
pub(crate) fn start(
    kernel: &Kernel,
    disks: &Disks,
    accelerator: Accelerator,
    programs: &Programs<'_>,
) -> Result<Child> {
    let tool = qemu(kernel, disks, accelerator, programs)?;
    let mut command = tool.command();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let passed = [&disks.initramfs, &disks.work, &disks.mailbox].map(File::as_raw_fd);
    bind(&mut command, passed);
    match command.spawn() {
        Ok(child) => Ok(child),
        Err(error) => bail!("cannot start `{}`: {error}", tool.line()),
    }
}

/// Lets the child inherit the descriptors and end with this thread.
fn bind(command: &mut Command, passed: [RawFd; 3]) {
    let parent = std::process::id().cast_signed();
    let in_the_child = move || {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        if getppid().as_raw() != parent {
            // The parent ended before prctl.
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        for descriptor in passed {
            // SAFETY: the descriptor was open in the parent and is still open here.
            let borrowed = unsafe { std::os::fd::BorrowedFd::borrow_raw(descriptor) };
            fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::empty()))?;
        }
        Ok(())
    };
    // SAFETY: prctl, getppid and fcntl are async-signal-safe, and nothing is allocated.
    unsafe { command.pre_exec(in_the_child) };
}
