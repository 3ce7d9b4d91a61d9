//! What `/proc` says about the address space of this process or a child: areas, resident pages, page tables.
//!
//! This is for observations only. Reading `/proc` copies bytes and takes faults, so it belongs before or after
//! a scenario's body, never in it.

use std::fs;

use anyhow::{Context, Result};
use nix::unistd::Pid;

use crate::page_bytes;

/// One area of an address space: a line of `/proc/PID/maps` and a block of `/proc/PID/smaps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// Permissions as the kernel prints them: `r`, `w` and `x` or `-` each, then `s` for shared or `p` for
    /// private.
    pub permissions: String,
    /// Path of the mapped file, a name such as `[heap]`, or empty.
    pub name: String,
    /// Memory that the page tables point to.
    pub resident_kib: u64,
    /// Resident memory that was stored to since it was last written back, according to the page table or the
    /// page itself (`smaps_account` in `fs/proc/task_mmu.c`).
    pub dirty_kib: u64,
    /// Resident memory, where a page mapped by n processes counts one n-th; rounded down.
    pub proportional_kib: u64,
    /// Resident memory that belongs to no file.
    pub anonymous_kib: u64,
}

impl Area {
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.end - self.start
    }

    #[must_use]
    pub fn may_execute(&self) -> bool {
        self.permissions.contains('x')
    }

    /// Whether the file's name has been removed (`d_path` in `fs/d_path.c` appends the mark).
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.name.ends_with(" (deleted)")
    }
}

/// Lists the areas of this process, lowest address first.
pub fn areas() -> Result<Vec<Area>> {
    areas_of(Pid::this())
}

fn areas_of(process: Pid) -> Result<Vec<Area>> {
    let path = format!("/proc/{process}/smaps");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    parse_smaps(&text)
}

/// Finds the area of this process that contains an address.
pub fn area_at(address: u64) -> Result<Area> {
    area_of(Pid::this(), address)
}

/// Finds the area of another process that contains an address.
pub fn area_of(process: Pid, address: u64) -> Result<Area> {
    areas_of(process)?
        .into_iter()
        .find(|area| (area.start..area.end).contains(&address))
        .with_context(|| format!("no area in /proc/{process}/smaps contains {address:#x}"))
}

/// Counts the pages of a mapping that were stored to and whose writeback has not begun.
pub fn dirty_pages(mapping: &[u8]) -> Result<i64> {
    let area = area_at(mapping.as_ptr().addr() as u64)?;
    let pages = area.dirty_kib * 1024 / page_bytes() as u64;
    Ok(pages.cast_signed())
}

/// Memory that the page tables of this process take.
pub fn page_tables_kib() -> Result<u64> {
    page_tables_kib_of(Pid::this())
}

/// Memory that the page tables of another process take.
pub fn page_tables_kib_of(process: Pid) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    field_kib(&text, "VmPTE").with_context(|| format!("no VmPTE in {path}"))
}

/// Parses `smaps`, in which each area begins with a line of `maps`, followed by lines `Key: value`.
fn parse_smaps(text: &str) -> Result<Vec<Area>> {
    let mut areas: Vec<Area> = Vec::new();
    for line in text.lines() {
        if let Some(area) = parse_area(line) {
            areas.push(area);
            continue;
        }
        let area = areas.last_mut().context("smaps starts without an area")?;
        for (key, size) in [
            ("Rss", &mut area.resident_kib),
            ("Pss", &mut area.proportional_kib),
            ("Anonymous", &mut area.anonymous_kib),
        ] {
            if let Some(kib) = field_kib(line, key) {
                *size = kib;
            }
        }
        for key in ["Shared_Dirty", "Private_Dirty"] {
            area.dirty_kib += field_kib(line, key).unwrap_or(0);
        }
    }
    Ok(areas)
}

/// Parses `55d0c0a00000-55d0c0a21000 r--s 00001000 fe:00 1234    /a/path with blanks (deleted)`.
fn parse_area(line: &str) -> Option<Area> {
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.split_once(' ')?;
        rest = after;
        Some(word)
    };
    let (start, end) = word()?.split_once('-')?;
    let permissions = word()?.to_owned();
    let (_offset, _device) = (word()?, word()?);
    // Only if there is a name, the inode is followed by blanks.
    let name = rest.split_once(' ').map_or("", |(_inode, name)| name);
    Some(Area {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        permissions,
        name: name.trim_start().to_owned(),
        resident_kib: 0,
        dirty_kib: 0,
        proportional_kib: 0,
        anonymous_kib: 0,
    })
}

/// Finds the number in a line `Key:     123 kB`.
fn field_kib(text: &str, key: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
55d0c0a00000-55d0c0a21000 rw-p 00000000 00:00 0                          [heap]
Size:                132 kB
Rss:                   8 kB
Pss:                   7 kB
Anonymous:             6 kB
VmFlags: rd wr mr mw me ac
7f27c0000000-7f27c0400000 r--s 00001000 fe:00 1234                       /var/tmp/a file.dat (deleted)
Size:               4096 kB
Rss:                  64 kB
Shared_Clean:         48 kB
Shared_Dirty:          4 kB
Private_Dirty:        12 kB
7f27c0400000-7f27c0600000 ---p 00000000 00:00 0
Rss:                   0 kB
";

    #[test]
    fn areas_carry_range_permissions_name_and_sizes() {
        let areas = parse_smaps(SMAPS).unwrap();
        assert_eq!(areas.len(), 3);
        assert_eq!(areas[0].name, "[heap]");
        assert_eq!(areas[0].resident_kib, 8);
        assert_eq!((areas[0].proportional_kib, areas[0].anonymous_kib), (7, 6));
        assert_eq!(areas[1].bytes(), 4 << 20);
        assert_eq!(areas[1].permissions, "r--s");
        assert_eq!((areas[1].resident_kib, areas[1].dirty_kib), (64, 16));
        assert_eq!(areas[2].name, "");
    }

    #[test]
    fn a_deleted_file_is_recognized_and_keeps_a_path_with_blanks() {
        let areas = parse_smaps(SMAPS).unwrap();
        assert_eq!(areas[1].name, "/var/tmp/a file.dat (deleted)");
        assert!(areas[1].is_deleted() && !areas[0].is_deleted());
    }

    #[test]
    fn execute_permission_is_the_third_letter() {
        let line = "55d0c0a00000-55d0c0a21000 r-xp 00001000 fe:00 7 /usr/bin/env";
        assert!(parse_area(line).unwrap().may_execute());
        assert!(!parse_smaps(SMAPS).unwrap()[1].may_execute());
    }

    #[test]
    fn lines_of_fields_are_told_from_lines_of_areas() {
        assert_eq!(parse_area("Rss:                   8 kB"), None);
        assert_eq!(parse_area("VmFlags: rd wr mr mw me ac"), None);
        assert_eq!(field_kib(SMAPS, "Pss"), Some(7));
        assert_eq!(field_kib("VmPTE:\t     148 kB\n", "VmPTE"), Some(148));
        assert_eq!(field_kib("VmPTE:\t     148 kB\n", "VmP"), None);
    }

    #[test]
    fn a_field_before_the_first_area_is_an_error() {
        assert!(parse_smaps("Rss: 8 kB\n").is_err());
    }

    #[test]
    fn our_own_stack_and_code_are_found() {
        let local = 0u8;
        let stack = area_at(std::ptr::from_ref(&local) as u64).unwrap();
        assert!(stack.resident_kib > 0 && !stack.may_execute());
        let code = area_at(areas as fn() -> Result<Vec<Area>> as usize as u64).unwrap();
        assert!(code.may_execute());
        assert!(area_at(0).is_err());
        assert!(page_tables_kib().unwrap() > 0);
    }
}
