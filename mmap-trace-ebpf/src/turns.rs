//! Who acts on an event where the kernel lets programs be preempted.
//!
//! A program that is not through on a CPU is skipped for whoever runs there meanwhile
//! (`bpf_prog_get_recursion_context`, include/linux/bpf.h). So each stands there twice: the second acts
//! if the first was skipped, and says so. Both are called with the same arguments, which lie on the
//! kernel stack of the task, and no other task has that stack.

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What has two programs; the discriminant is its place in the map `SECOND_TURNS`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Place { $($(#[$doc])* $name,)* }

        impl Place {
            /// Every place, in that order.
            pub const ALL: &'static [Place] = &[$(Place::$name,)*];
        }
    };
}

places! {
    /// `sched_process_fork`.
    Fork,
    /// `sched_process_exec`.
    Exec,
    /// `sched_process_exit`.
    Exit,
    /// `sys_exit`.
    SysExit,
    /// `skb_copy_datagram_iovec`.
    SocketReceive,
    /// `page_fault_user`.
    FaultUser,
    /// `page_fault_kernel`.
    FaultKernel,
    /// `writeback_dirty_folio`.
    DirtyFolio,
    /// `ext4_writepages_result`, of the image or of a module.
    Ext4Written,
    /// `ext4_invalidate_folio`.
    Ext4Invalidated,
    /// `ext4_free_inode`.
    Ext4Freed,
    /// `mm_filemap_add_to_page_cache`.
    CacheAdded,
    /// `mm_filemap_map_pages`.
    MappedAround,
    /// `block_bio_queue`.
    BioQueue,
    /// The return of `handle_mm_fault`, which counts faults.
    FaultReturned,
    /// The same, which witnesses them.
    CrossCheckFault,
}

/// The event that the first program of a place saw last in a thread.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Turn {
    /// Where the arguments of that event lie; 0 once the second has seen it too.
    pub seen: u64,
    /// Where those lie that the second is asked about: a pointer becomes a number when it is stored.
    pub asked: u64,
    /// The [`Place`].
    pub place: u32,
    /// 1 if a test left the event to the second.
    pub left: u32,
}
