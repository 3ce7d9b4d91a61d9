//! Where in the kernel's code bytes are copied between user and kernel memory, from `/proc/kallsyms`.
//!
//! On a CPU with fast short `rep movsb` (FSRM) kernels since 6.4 copy inside the function that wants
//! the copy; on others, and before, that function calls one that does nothing else. So both kinds are
//! listed. The few instructions around the copy count as copying too, which is an upper bound that is
//! near for anything larger than a header.

use std::{fs::File, io::BufReader, io::prelude::*};

use mmap_trace_ebpf::tables::{COPY_RANGES, CodeRange};

/// Functions that copy and do nothing else, or in which a copy is inlined.
///
/// x86: `arch/x86/lib/copy_user_64.S`, `copy_user_uncached_64.S` and `copy_mc.c`; the names before 6.4 are
/// those of the variants that the CPU's features choose from. arm64: `arch/arm64/lib/copy_{to,from}_user.S`.
/// All: `lib/iov_iter.c`, `lib/usercopy.c`, and `csum_and_copy_…` for packets whose checksum is still wanted.
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

/// What is known of the code that copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CopyCode {
    /// Nothing in this run wants to know.
    #[default]
    NotAsked,
    /// Its pieces.
    Known(Vec<CodeRange>),
    /// Why the kernel does not tell.
    Hidden(String),
}

impl CopyCode {
    /// Asks the running kernel, which takes some 40 ms.
    #[must_use]
    pub fn of_this_kernel() -> Self {
        let listed = File::open("/proc/kallsyms")
            .and_then(|file| BufReader::new(file).lines().collect::<Result<Vec<_>, _>>());
        match listed {
            Ok(lines) => Self::among(lines.iter().map(String::as_str)),
            Err(error) => CopyCode::Hidden(format!(
                "/proc/kallsyms cannot be read ({error}), so that nothing tells where the kernel copies"
            )),
        }
    }

    /// From the lines of `/proc/kallsyms`.
    fn among<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut code: Vec<(u64, &str)> = lines.filter_map(function).collect();
        code.sort_unstable();
        if code.last().is_none_or(|(address, _)| *address == 0) {
            return CopyCode::Hidden(
                "/proc/kallsyms gives no addresses, so that nothing tells where the kernel copies; \
                 they need CAP_SYSLOG, and kernel.kptr_restrict below 2. \
                 See: sysctl kernel.kptr_restrict"
                    .to_owned(),
            );
        }
        let ranges = pieces(&code);
        match ranges.len() {
            0 => CopyCode::Hidden(
                "/proc/kallsyms has none of the functions that are known to copy".to_owned(),
            ),
            1..=COPY_RANGES => CopyCode::Known(ranges),
            many => CopyCode::Hidden(format!(
                "the code that copies lies in {many} pieces, more than the {COPY_RANGES} that can be told"
            )),
        }
    }

    /// As the kernel programs look it up.
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

/// Address and name of a function of the kernel image; modules stand behind it with their name.
fn function(line: &str) -> Option<(u64, &str)> {
    let mut words = line.split_ascii_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let is_code = matches!(words.next()?, "t" | "T" | "w" | "W");
    let name = words.next()?;
    (is_code && words.next().is_none()).then_some((address, name))
}

/// Each function ends where the next one begins; neighbours become one piece.
fn pieces(code: &[(u64, &str)]) -> Vec<CodeRange> {
    let mut pieces: Vec<CodeRange> = Vec::new();
    for (start, _) in code.iter().filter(|(_, name)| is_copying(name)) {
        let next = code.partition_point(|(address, _)| address <= start);
        // What ends the kernel's code is a symbol too.
        let Some((end, _)) = code.get(next) else {
            continue;
        };
        match pieces.last_mut() {
            Some(last) if *start <= last[1] => last[1] = last[1].max(*end),
            _ => pieces.push([*start, *end]),
        }
    }
    pieces
}

/// Compilers put variants of a function beside it, as `name.constprop.0` and `name.isra.0`; what they put
/// into `name.cold` is hardly ever run.
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
    fn a_function_ends_where_the_next_one_begins_and_neighbours_are_one_piece() {
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
    fn hidden_addresses_and_unknown_names_are_reasons_and_no_code() {
        for (text, reason) in [
            ("0000000000000000 T _copy_to_iter\n", "kptr_restrict"),
            ("", "kptr_restrict"),
            (
                "ffffffff81000000 T a\nffffffff81000010 T b",
                "none of the functions",
            ),
        ] {
            let CopyCode::Hidden(told) = among(text) else {
                panic!("{text} is hidden");
            };
            assert!(told.contains(reason), "{told}");
        }
    }
}
