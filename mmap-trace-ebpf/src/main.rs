//! The eBPF object: one module per subject, all counting into one row per (cell, role).
//!
//! On any other target than BPF this is an empty program, so that `--all-features` compiles and is
//! linted on the host.

#![cfg_attr(target_arch = "bpf", no_std, no_main, feature(asm_experimental_arch))]
#![cfg_attr(
    not(target_arch = "bpf"),
    allow(
        dead_code,
        reason = "the loader finds programs and maps by section, not by call"
    )
)]
#![allow(
    clippy::inline_always,
    reason = "a call into a subprogram would cost the verifier its types, and the CPU a jump"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "aya's macros hand the context over by value"
)]
#![allow(
    clippy::cast_sign_loss,
    reason = "results are compared with 0 before they count as bytes"
)]
#![allow(
    clippy::doc_markdown,
    reason = "documentation quotes kernel signatures"
)]

mod descriptor;
mod fields;
mod here;
mod maps;
mod pages;
mod programs;

#[cfg(not(target_arch = "bpf"))]
fn main() {}

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Helpers for tracing are exported to GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
