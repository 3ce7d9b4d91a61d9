//! What is counted, as people and outputs name it. One row a signal; definitions rest on the kernel
//! functions named in `attach/plan.rs`.

use mmap_trace_ebpf::counters::Counter;

/// The unit of a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Events: calls, faults, ticks of a clock.
    Events,
    /// Bytes.
    Bytes,
    /// Base pages of the machine.
    Pages,
}

macro_rules! signals {
    ($($(#[$doc:meta])* $name:ident = $key:literal, $label:literal, $unit:ident, lost [$($lost:ident)*];)*) => {
        /// One thing that is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Signal { $($(#[$doc])* $name,)* }

        impl Signal {
            /// Every signal, in the order of outputs.
            pub const ALL: &'static [Signal] = &[$(Signal::$name,)*];

            /// Its name in Recordings and checks.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Signal::$name => $key,)* }
            }

            /// Its name in tables.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Signal::$name => $label,)* }
            }

            /// Its unit.
            #[must_use]
            pub const fn unit(self) -> Unit {
                match self { $(Signal::$name => Unit::$unit,)* }
            }

            /// Counters that make it unreliable when they are not zero.
            #[must_use]
            pub const fn losses(self) -> &'static [Counter] {
                match self { $(Signal::$name => &[$(Counter::$lost,)*],)* }
            }
        }
    };
}

signals! {
    /// Completed system calls; exit and exit_group never complete.
    Syscalls = "syscalls", "system calls", Events, lost [];
    /// Payload the CPU copied to user memory.
    CopiedToUser = "copied_to_user_bytes", "copied to user", Bytes, lost [LostCalls LostPathRead LostDirect];
    /// Payload the CPU copied from user memory.
    CopiedFromUser = "copied_from_user_bytes", "copied from user", Bytes, lost [LostCalls LostPathWritten LostDirect];
    /// Read with O_DIRECT, without a copy.
    DirectRead = "direct_read_bytes", "read directly", Bytes, lost [LostCalls LostPathRead LostDirect];
    /// Written with O_DIRECT, without a copy.
    DirectWritten = "direct_written_bytes", "written directly", Bytes, lost [LostCalls LostPathWritten LostDirect];
    /// Moved by sendfile, splice and copy_file_range.
    Transferred = "transferred_bytes", "moved in the kernel", Bytes, lost [LostCalls];
    /// Completed page faults, as getrusage counts them.
    Faults = "faults", "page faults", Events, lost [LostTasks];
    /// Exceptions that ended in a signal or in EFAULT.
    FaultsFailed = "faults_failed", "failed faults", Events, lost [LostTasks];
    /// Faults that had to wait and were tried again.
    FaultsWaited = "faults_waited", "faults that waited", Events, lost [];
    /// Upper bound of the pages that fault-around mapped.
    PagesMappedAround = "pages_mapped_around", "considered around", Pages, lost [];
    /// Pages of regular files that entered the page cache.
    CacheAddedPages = "cache_added_pages", "added to the cache", Pages, lost [];
    /// Pages of regular files that became dirty, by folio size.
    PagesDirtied = "pages_dirtied", "pages dirtied", Pages, lost [LostInodes];
    /// Pages written back, charged to the scenario that dirtied the inode last.
    PagesWritten = "pages_written", "pages written back", Pages, lost [LostInodes];
    /// Dirty pages thrown away before they were written.
    PagesCleanedUnwritten = "pages_cleaned_unwritten", "thrown away dirty", Pages, lost [LostInodes];
    /// File data read from the block device.
    BlockRead = "block_read_bytes", "read from device", Bytes, lost [];
    /// File data written to the block device.
    BlockWritten = "block_written_bytes", "written to device", Bytes, lost [LostInodes];
    /// Anything else on that device: journal, metadata, other programs.
    BlockOther = "block_other_bytes", "other on device", Bytes, lost [];
    /// Ticks of the CPU clock, by where they found the program.
    CpuSamples = "cpu_samples", "CPU samples", Events, lost [];
}

impl Signal {
    /// Finds a signal by its key.
    #[must_use]
    pub fn by_key(key: &str) -> Option<Signal> {
        Signal::ALL
            .iter()
            .copied()
            .find(|signal| signal.key() == key)
    }
}

/// How much a number is worth.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Taken at intervals.
    Sampled,
    /// The result of a call, and the type of the file it was made on.
    Inferred,
    /// Inferred, and an independent hook agreed to the unit on this machine.
    Witnessed,
    /// A hook on the thing itself told it.
    Counted,
}

impl Grade {
    /// Its name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Grade::Sampled => "sampled",
            Grade::Inferred => "inferred",
            Grade::Witnessed => "witnessed",
            Grade::Counted => "counted",
        }
    }
}
