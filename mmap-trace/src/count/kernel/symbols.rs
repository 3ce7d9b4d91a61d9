//! Finds the kernel code that copies between user and kernel memory, in `/proc/kallsyms`.
//!
//! On a CPU with fast short `rep movsb` (FSRM), kernels since 6.4 inline the copy into the function that
//! needs it; other kernels and CPUs call a function that only copies. So the list has both kinds.
//! The few instructions around an inlined copy count as copying, too: an upper bound, and a close one for
//! anything larger than a header.

use std::{fs::File, io::BufReader, io::prelude::*};

use mmap_trace_ebpf::tables::{COPY_RANGES, CodeRange};

/// Functions that copy and do nothing else, or in which a copy is inlined.
///
/// x86: `arch/x86/lib/copy_user_64.S`, `copy_user_uncached_64.S` and `copy_mc.c`; before 6.4 one variant per
/// set of CPU features. arm64: `arch/arm64/lib/copy_{to,from}_user.S`.
/// All: `lib/iov_iter.c`, `lib/usercopy.c`, and `csum_and_copy_…` for packets that still need a checksum.
const COPYING: &[&str] = &[
    "rep_movs_alternative",
    "copy_user_generic_unrolled",
    "copy_user_generic_string",
    "copy_user_enhanced_fast_string",
    "copy_user_fast_string",
    "__copy_user_nocache",
    "copy_user_handle_tail",
    "copyin",
    "copyout",
    "__arch_copy_to_user",
    "__arch_copy_from_user",
    "_copy_to_iter",
    "_copy_from_iter",
    "_copy_from_iter_nocache",
    "_copy_mc_to_iter",
    "copy_to_user_iter",
    "copy_from_user_iter",
    "copy_page_to_iter",
    "copy_page_from_iter",
    "copy_page_from_iter_atomic",
    "copy_folio_from_iter_atomic",
    "_copy_to_user",
    "_copy_from_user",
    "csum_partial_copy_generic",
    "csum_and_copy_to_iter",
    "csum_and_copy_to_user",
    "csum_and_copy_from_iter_full",
    "csum_and_copy_from_user",
];

/// The kernel code that copies, or why it is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CopyCode {
    /// This run does not sample.
    #[default]
    NotAsked,
    /// Its address ranges.
    Known(Vec<CodeRange>),
    /// It cannot be found, for this reason.
    Hidden(String),
}

impl CopyCode {
    /// Reads `/proc/kallsyms`, which takes about 40 ms.
    #[must_use]
    pub fn of_this_kernel() -> Self {
        let listed = File::open("/proc/kallsyms")
            .and_then(|file| BufReader::new(file).lines().collect::<Result<Vec<_>, _>>());
        match listed {
            Ok(lines) => Self::among(lines.iter().map(String::as_str)),
            Err(error) => CopyCode::Hidden(format!(
                "cannot read /proc/kallsyms ({error}), which says where the kernel copies"
            )),
        }
    }

    /// Finds the code in the lines of `/proc/kallsyms`.
    fn among<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut code: Vec<(u64, &str)> = lines.filter_map(function).collect();
        code.sort_unstable();
        if code.last().is_none_or(|(address, _)| *address == 0) {
            return CopyCode::Hidden(
                "/proc/kallsyms hides its addresses, which say where the kernel copies; \
                 they need CAP_SYSLOG, and kernel.kptr_restrict below 2. \
                 Run: sudo sysctl kernel.kptr_restrict=1"
                    .to_owned(),
            );
        }
        let ranges = ranges_of(&code);
        match ranges.len() {
            0 => CopyCode::Hidden(
                "/proc/kallsyms lists none of the functions that are known to copy".to_owned(),
            ),
            1..=COPY_RANGES => CopyCode::Known(ranges),
            many => CopyCode::Hidden(format!(
                "the code that copies has {many} address ranges, and the tracer can watch {COPY_RANGES}"
            )),
        }
    }

    /// The table in which the kernel programs look up an address.
    #[must_use]
    pub fn table(&self) -> [CodeRange; COPY_RANGES] {
        let mut table = [CodeRange::default(); COPY_RANGES];
        if let CopyCode::Known(ranges) = self {
            for (entry, range) in table.iter_mut().zip(ranges) {
                *entry = *range;
            }
        }
        table
    }
}

/// Address and name of a function of the kernel image; a line of a module has a fourth word.
fn function(line: &str) -> Option<(u64, &str)> {
    let mut words = line.split_ascii_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let is_code = matches!(words.next()?, "t" | "T" | "w" | "W");
    let name = words.next()?;
    (is_code && words.next().is_none()).then_some((address, name))
}

/// Each function ends where the next one begins; adjacent functions share one range.
fn ranges_of(code: &[(u64, &str)]) -> Vec<CodeRange> {
    let mut ranges: Vec<CodeRange> = Vec::new();
    for (start, _) in code.iter().filter(|(_, name)| is_copying(name)) {
        let next = code.partition_point(|(address, _)| address <= start);
        // The last symbol, `_etext`, ends the code and is no function.
        let Some((end, _)) = code.get(next) else {
            continue;
        };
        match ranges.last_mut() {
            Some(last) if *start <= last[1] => last[1] = last[1].max(*end),
            _ => ranges.push([*start, *end]),
        }
    }
    ranges
}

/// Compilers add variants of a function, such as `name.constprop.0` and `name.isra.0`; the code that they
/// move to `name.cold` hardly ever runs.
fn is_copying(name: &str) -> bool {
    let base = name.split_once('.').map_or(name, |(base, _)| base);
    COPYING.contains(&base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(text: &str) -> CopyCode {
        CopyCode::among(text.lines())
    }

    #[test]
    fn a_function_ends_where_the_next_begins_and_adjacent_functions_share_a_range() {
        let text = "ffffffff81000100 T _copy_from_iter\n\
                    ffffffff81000000 T first\n\
                    ffffffff81000180 t copyout.constprop.0\n\
                    ffffffff81000200 T between\n\
                    ffffffff81000240 D _copy_to_user\n\
                    ffffffff81000300 T _copy_to_iter\n\
                    ffffffff81000300 T __pfx_of_an_alias\n\
                    ffffffff81000400 T _etext\n\
                    ffffffffc0000000 t copyin\t[module]";
        let expected = vec![
            [0xffff_ffff_8100_0100, 0xffff_ffff_8100_0200],
            [0xffff_ffff_8100_0300, 0xffff_ffff_8100_0400],
        ];
        let code = among(text);
        assert_eq!(code, CopyCode::Known(expected.clone()));
        assert_eq!(code.table()[..2], expected);
        assert_eq!(code.table()[2], [0, 0]);
    }

    #[test]
    fn hidden_addresses_and_unknown_names_give_a_reason() {
        for (text, reason) in [
            ("0000000000000000 T _copy_to_iter\n", "kptr_restrict"),
            ("", "kptr_restrict"),
            (
                "ffffffff81000000 T a\nffffffff81000010 T b",
                "none of the functions",
            ),
        ] {
            let CopyCode::Hidden(given) = among(text) else {
                panic!("{text} is hidden");
            };
            assert!(given.contains(reason), "{given}");
        }
    }
}
