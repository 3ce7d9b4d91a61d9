//! What is counted: one table of metrics with key, label, unit, parts and meaning.
//!
//! Everything else that lists metrics follows from it: the JSON keys, the rows of tables, the names that
//! an expectation may use, and the reference in `lessons/WRITING.md`. How a metric is measured is in
//! `count/attach/plan.rs`.

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

macro_rules! metrics {
    ($(#[doc = $about:literal] $name:ident = $key:literal, $label:literal, $unit:ident,
        parts [$($part:literal $part_about:literal)*],
        divisions [$($division:literal $division_about:literal)*], lost [$($lost:ident)*];)*) => {
        /// One thing that is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric { $(#[doc = $about] $name,)* }

        impl Metric {
            /// Every metric, in the order of outputs.
            pub const ALL: &'static [Metric] = &[$(Metric::$name,)*];

            /// Its name in Recordings and expectations.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Metric::$name => $key,)* }
            }

            /// Its name in tables.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Metric::$name => $label,)* }
            }

            /// What it counts, in one sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Metric::$name => $about.trim_ascii(),)* }
            }

            /// Its unit.
            #[must_use]
            pub const fn unit(self) -> Unit {
                match self { $(Metric::$name => Unit::$unit,)* }
            }

            /// Names of the parts that add up to the value. A probe tells all of them, or some and the
            /// rest as one.
            #[must_use]
            pub const fn parts(self) -> &'static [&'static str] {
                match self { $(Metric::$name => &[$($part,)*],)* }
            }

            /// Names of other divisions of the value, which do not add up to it.
            #[must_use]
            pub const fn divisions(self) -> &'static [&'static str] {
                match self { $(Metric::$name => &[$($division,)*],)* }
            }

            /// What a part or division of it counts, in one sentence; `None` if it has no such part.
            #[must_use]
            pub fn about_part(self, part: &str) -> Option<&'static str> {
                match (self, part) {
                    $($((Metric::$name, $part) => Some($part_about),)*
                    $((Metric::$name, $division) => Some($division_about),)*)*
                    _ => None,
                }
            }

            /// Counters that make it unreliable when they are not zero.
            #[must_use]
            pub const fn losses(self) -> &'static [Counter] {
                match self { $(Metric::$name => &[$(Counter::$lost,)*],)* }
            }
        }
    };
}

metrics! {
    /// Completed system calls by what they do; `exit` and `exit_group` never complete.
    Syscalls = "syscalls", "system calls", Events,
        parts [
            "read" "Calls of the read and recv families."
            "write" "Calls of the write and send families."
            "transfer" "sendfile, splice, tee, vmsplice, copy_file_range and process_vm_readv or _writev."
            "map" "Calls that change or advise an address space: mmap, mremap, madvise, brk and others."
            "sync" "fsync, fdatasync, msync, sync_file_range and syncfs."
            "other" "Every other completed call."
        ], divisions [], lost [];
    /// Payload bytes that the CPU copied to user memory, by the kind of file they came from.
    CopiedToUser = "copied_to_user_bytes", "copied to user", Bytes,
        parts [
            "page_cache" "From files in the page cache."
            "tmpfs" "From files of tmpfs and memfds."
            "pipe" "From pipes and FIFOs."
            "socket" "From socket buffers."
            "process" "From the memory of another process."
            "other" "From devices, procfs, eventfds and the like."
        ], divisions [],
        lost [LostCalls LostPathRead LostDirect];
    /// Payload bytes that the CPU copied from user memory, by the kind of file they went to.
    CopiedFromUser = "copied_from_user_bytes", "copied from user", Bytes,
        parts [
            "page_cache" "To files in the page cache."
            "tmpfs" "To files of tmpfs and memfds."
            "file" "To files of either kind, where the probe cannot tell them apart."
            "pipe" "To pipes and FIFOs."
            "socket" "To socket buffers."
            "process" "To the memory of another process."
            "other" "To devices, procfs, eventfds and the like."
        ], divisions [],
        lost [LostCalls LostPathWritten LostDirect];
    /// Bytes read with O_DIRECT, without a copy by the CPU.
    DirectRead = "direct_read_bytes", "read directly", Bytes,
        parts [], divisions [], lost [LostCalls LostPathRead LostDirect];
    /// Bytes written with O_DIRECT, without a copy by the CPU.
    DirectWritten = "direct_written_bytes", "written directly", Bytes,
        parts [], divisions [], lost [LostCalls LostPathWritten LostDirect];
    /// Bytes that sendfile, splice and copy_file_range moved without entering user memory.
    Transferred = "transferred_bytes", "moved in the kernel", Bytes,
        parts [], divisions [], lost [LostCalls];
    /// Completed page faults, minor and major, as getrusage(2) counts them.
    Faults = "faults", "page faults", Events,
        parts [
            "user" "Exceptions in user mode."
            "kernel" "Exceptions in kernel mode, on behalf of the program: copies from or to its memory."
            "exception" "Exceptions in either mode, where the probe cannot tell them apart."
            "populate" "Faults without an exception: MAP_POPULATE, mlock and pinned pages."
        ],
        divisions [
            "read" "Exceptions whose access was a load or an instruction fetch."
            "write" "Exceptions whose access was a store."
            "minor" "Faults that getrusage counts as minor."
            "major" "Faults that getrusage counts as major."
            "cow" "Stores into a private mapping of a file."
            "mkwrite" "Stores into a shared mapping of a file."
            "unclassified" "Stores whose mapping was not found; cow and mkwrite lack them."
        ], lost [LostTasks];
    /// Exceptions that ended in a signal or in EFAULT instead of a mapped page.
    FaultsFailed = "faults_failed", "failed faults", Events,
        parts [], divisions [], lost [LostTasks];
    /// Faults that had to wait for a page or a lock and were tried again.
    FaultsWaited = "faults_waited", "faults that waited", Events,
        parts [], divisions [], lost [];
    /// Pages that a store made the kernel copy, because it must not change the original (copy-on-write).
    CowCopiedPages = "cow_copied_pages", "pages copied on write", Pages,
        parts [
            "anonymous" "Pages of anonymous memory, shared with another process since a fork or merged by KSM."
            "file" "Pages of private mappings of files: the file's page, or a copy shared since a fork."
        ], divisions [], lost [LostCow LostTasks];
    /// Pages in the ranges that fault-around looked at: an upper bound of the pages it mapped.
    PagesMappedAround = "pages_mapped_around", "fault-around candidates", Pages,
        parts [], divisions [], lost [];
    /// Pages of regular files that entered the page cache.
    CacheAddedPages = "cache_added_pages", "added to the cache", Pages,
        parts [], divisions [], lost [];
    /// Pages of regular files that became dirty, counted by folio size.
    PagesDirtied = "pages_dirtied", "pages dirtied", Pages,
        parts [], divisions [], lost [LostInodes];
    /// Pages written back, charged to the scenario that dirtied the file last.
    PagesWritten = "pages_written", "pages written back", Pages,
        parts [
            "process" "Written by a process of the lesson, in fsync or msync for example."
            "flusher" "Written by a kernel thread."
            "shared" "Of files that more than one scenario dirtied."
        ], divisions [], lost [LostInodes LostWriteback];
    /// Dirty pages that were discarded before they were written.
    PagesCleanedUnwritten = "pages_cleaned_unwritten", "dirty pages discarded", Pages,
        parts [], divisions [], lost [LostInodes];
    /// File data read from the block device of the work directory.
    BlockRead = "block_read_bytes", "read from device", Bytes,
        parts [], divisions [], lost [];
    /// File data written to the block device of the work directory.
    BlockWritten = "block_written_bytes", "written to device", Bytes,
        parts [], divisions [], lost [LostInodes];
    /// Everything else on that device: journal, metadata, other programs.
    BlockOther = "block_other_bytes", "other device I/O", Bytes,
        parts [], divisions [], lost [];
    /// Ticks of the CPU clock that found the program running, by where they found it.
    CpuSamples = "cpu_samples", "CPU samples", Events,
        parts [
            "user" "Ticks in user mode."
            "copying" "Ticks in kernel functions that copy from or to user memory."
            "elsewhere" "Ticks anywhere else in the kernel."
        ], divisions [], lost [];
}

impl Metric {
    /// Finds a metric by its key.
    #[must_use]
    pub fn by_key(key: &str) -> Option<Metric> {
        Metric::ALL
            .iter()
            .copied()
            .find(|metric| metric.key() == key)
    }
}

/// How directly a number was measured, and so how far it can be trusted.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Taken at intervals.
    Sampled,
    /// The result of a call, and the type of the file it was made on.
    Inferred,
    /// Inferred, and an independent hook agreed to the unit on this machine.
    CrossChecked,
    /// A hook on the event itself counted it.
    Counted,
}

impl Grade {
    /// Its name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Grade::Sampled => "sampled",
            Grade::Inferred => "inferred",
            Grade::CrossChecked => "cross-checked",
            Grade::Counted => "counted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grade_has_one_name_in_json_and_on_the_screen() {
        for grade in [
            Grade::Sampled,
            Grade::Inferred,
            Grade::CrossChecked,
            Grade::Counted,
        ] {
            assert_eq!(serde_json::to_value(grade).unwrap(), grade.name());
        }
    }
}
