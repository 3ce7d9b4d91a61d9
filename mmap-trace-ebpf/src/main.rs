//! The eBPF object: the programs that run in the kernel, by subject.
//!
//! Each program runs at a hook (a tracepoint, or the entry or return of a kernel function), asks
//! whether the current task is traced, and adds to one row of counters for its scenario and role.
//!
//! The verifier follows a program through every inlined function and every private subprogram, once for
//! each state in which it gets there. It checks an exported function (`no_mangle`) once, for any arguments
//! (`do_check_subprogs`, kernel/bpf/verifier.c). So long work that few events need is an exported function,
//! which takes numbers and pointers to map values or to the stack: otherwise loading takes several times as long.
//!
//! On any target other than BPF this is an empty program, so that `--all-features` compiles and
//! clippy checks it on the host.

#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]
#![cfg_attr(
    not(target_arch = "bpf"),
    allow(
        dead_code,
        reason = "the loader finds programs and maps by their sections; nothing calls them"
    )
)]
#![allow(
    clippy::inline_always,
    reason = "across a call to a subprogram the verifier would forget the types of pointers"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "aya's macros pass the context by value"
)]
#![allow(
    clippy::cast_sign_loss,
    reason = "results are compared with 0 before they are counted as bytes"
)]
#![allow(
    clippy::doc_markdown,
    reason = "documentation quotes kernel signatures"
)]

mod current_task;
mod descriptor;
mod descriptor_changes;
mod fields;
mod kernel_log;
mod maps;
mod pages;
mod programs;
mod rows;
mod slots;
mod task_table;

#[cfg(not(target_arch = "bpf"))]
fn main() {}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The kernel lets only GPL-compatible programs call the helpers for tracing.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
