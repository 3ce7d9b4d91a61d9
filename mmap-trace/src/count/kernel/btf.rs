//! A reader of the kernel's BTF: which functions and tracepoints exist, the offset of a field, the value
//! of an enumerator. Format: Documentation/bpf/btf.rst.
//!
//! aya's own `Btf` finds types by name but does not give the offsets of members.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use hashbrown::HashTable;

/// Where the kernel shows its own BTF.
pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u16 = 0xeb9f;
const KIND_ARRAY: u32 = 3;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
const KIND_ENUM: u32 = 6;
const KIND_FORWARD: u32 = 7;
const KIND_TYPEDEF: u32 = 8;
const KIND_FUNC: u32 = 12;
const KIND_PROTO: u32 = 13;
const KIND_DATASEC: u32 = 15;
const KIND_ENUM64: u32 = 19;

/// The types of one kernel, by name.
pub struct Btf {
    types: Types,
    structs: Ids,
    enums: Ids,
    functions: Ids,
    typedefs: Ids,
}

/// Type ids by the name of their type. It compares names in place, because keys of its own would cost tens
/// of thousands of allocations.
#[derive(Default)]
struct Ids(HashTable<u32>);

/// Which of several types with the same name to keep.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    First,
    Last,
}

impl Ids {
    fn insert(&mut self, types: &Types, id: u32, keep: Keep) {
        let name = types.name_of(id);
        match self
            .0
            .find_mut(hash(name), |&known| types.name_of(known) == name)
        {
            Some(known) if keep == Keep::Last => *known = id,
            Some(_) => {}
            None => {
                let rehash = |&known: &u32| hash(types.name_of(known));
                self.0.insert_unique(hash(name), id, rehash);
            }
        }
    }

    fn get(&self, types: &Types, name: &str) -> Option<u32> {
        let name = name.as_bytes();
        let is_it = |&id: &u32| types.name_of(id) == name;
        self.0.find(hash(name), is_it).copied()
    }
}

/// FNV-1a, 64 bit.
fn hash(name: &[u8]) -> u64 {
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Btf {
    /// Reads the running kernel's BTF.
    pub fn of_this_kernel() -> Result<Self> {
        let path = Path::new(VMLINUX);
        let data = std::fs::read(path).with_context(|| format!("read({VMLINUX})"))?;
        Self::parse(data).with_context(|| format!("{VMLINUX} is not valid BTF"))
    }

    pub fn parse(data: Vec<u8>) -> Result<Self> {
        ensure!(
            data.len() >= 24,
            "{} bytes are fewer than a header",
            data.len()
        );
        let magic = u16::from_le_bytes([data[0], data[1]]);
        ensure!(
            magic == MAGIC,
            "the magic number is {magic:#06x}, not {MAGIC:#06x}"
        );
        let header = word(&data, 4)?;
        let (types, types_len) = (word(&data, 8)?, word(&data, 12)?);
        let strings = word(&data, 16)?;
        let mut btf = Self {
            types: Types {
                strings: (header + strings) as usize,
                records: vec![0],
                data,
            },
            structs: Ids::default(),
            enums: Ids::default(),
            functions: Ids::default(),
            typedefs: Ids::default(),
        };
        btf.index((header + types) as usize, types_len as usize)?;
        Ok(btf)
    }

    fn index(&mut self, start: usize, len: usize) -> Result<()> {
        let mut at = start;
        while at < start + len {
            let id = self.types.records.len() as u32;
            let info = word(&self.types.data, at + 4)?;
            let (kind, entries) = (info >> 24 & 31, (info & 0xffff) as usize);
            self.types.records.push(at as u32);
            let (ids, keep) = match kind {
                KIND_STRUCT | KIND_UNION => (Some(&mut self.structs), Keep::Last),
                KIND_ENUM | KIND_ENUM64 => (Some(&mut self.enums), Keep::Last),
                // The kernel and aya take the first one, too.
                KIND_FUNC => (Some(&mut self.functions), Keep::First),
                KIND_TYPEDEF => (Some(&mut self.typedefs), Keep::First),
                _ => (None, Keep::First),
            };
            if let Some(ids) = ids {
                ids.insert(&self.types, id, keep);
            }
            at += 12 + tail(kind, entries);
        }
        Ok(())
    }

    /// Whether BTF describes a function of this name.
    #[must_use]
    pub fn has_function(&self, name: &str) -> bool {
        self.functions.get(&self.types, name).is_some()
    }

    /// Whether the kernel image has this tracepoint; tracepoints of modules are not part of it.
    #[must_use]
    pub fn has_tracepoint(&self, name: &str) -> bool {
        self.typedefs.get(&self.types, &trace_type(name)).is_some()
    }

    /// A BTF blob with the same type ids, in which only these functions and tracepoints have a name.
    ///
    /// aya searches linearly for each program's target, which takes two milliseconds per program in all of
    /// vmlinux.
    #[must_use]
    pub fn outline(&self, functions: &[&str], tracepoints: &[&str]) -> Vec<u8> {
        let functions = functions.iter().map(|name| (KIND_FUNC, (*name).to_owned()));
        let tracepoints = tracepoints
            .iter()
            .map(|name| (KIND_TYPEDEF, trace_type(name)));
        let mut types = [0, KIND_FORWARD << 24, 0].repeat(self.types.records.len() - 1);
        let mut strings = vec![0];
        for (kind, name) in functions.chain(tracepoints) {
            let ids = if kind == KIND_FUNC {
                &self.functions
            } else {
                &self.typedefs
            };
            if let Some(id) = ids.get(&self.types, &name) {
                let record = 3 * (id as usize - 1);
                types[record..record + 2].copy_from_slice(&[strings.len() as u32, kind << 24]);
                strings.extend(name.as_bytes());
                strings.push(0);
            }
        }
        blob(&types, &strings)
    }

    /// Resolves `struct.field.field` to a byte offset, and `enum NAME.VALUE` to a value.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<u32> {
        if let Some(path) = path.strip_prefix("enum ") {
            let (name, value) = path.split_once('.')?;
            let id = self.enums.get(&self.types, name)?;
            return self.types.enum_value(id, value);
        }
        let mut parts = path.split('.');
        let mut id = self.structs.get(&self.types, parts.next()?)?;
        let mut bits = 0;
        for part in parts {
            let (member, at) = self.types.member(id, part)?;
            bits += at;
            id = self.types.strip(member);
        }
        (bits % 8 == 0).then_some(bits / 8)
    }
}

/// The records of a BTF blob and their names.
struct Types {
    data: Vec<u8>,
    strings: usize,
    /// Byte position of each type record, by type id; id 0 is void.
    records: Vec<u32>,
}

impl Types {
    fn name_of(&self, id: u32) -> &[u8] {
        let record = self.records.get(id as usize).copied().unwrap_or(0);
        word(&self.data, record as usize).map_or(b"", |offset| self.name(offset))
    }

    /// Type and bit offset of a member, also inside anonymous structs and unions.
    fn member(&self, id: u32, name: &str) -> Option<(u32, u32)> {
        let at = *self.records.get(id as usize)? as usize;
        let info = word(&self.data, at + 4).ok()?;
        if !matches!(info >> 24 & 31, KIND_STRUCT | KIND_UNION) {
            return None;
        }
        let bitfields = info >> 31 == 1;
        (0..(info & 0xffff) as usize).find_map(|n| {
            let entry = at + 12 + 12 * n;
            let of = word(&self.data, entry + 4).ok()?;
            let raw = word(&self.data, entry + 8).ok()?;
            let bits = if bitfields { raw & 0x00ff_ffff } else { raw };
            match self.name(word(&self.data, entry).ok()?) {
                b"" => {
                    let (inner, at) = self.member(self.strip(of), name)?;
                    Some((inner, bits + at))
                }
                found => (found == name.as_bytes()).then_some((of, bits)),
            }
        })
    }

    fn enum_value(&self, id: u32, name: &str) -> Option<u32> {
        let at = self.records[id as usize] as usize;
        let info = word(&self.data, at + 4).ok()?;
        let size = if info >> 24 & 31 == KIND_ENUM { 8 } else { 12 };
        (0..(info & 0xffff) as usize).find_map(|n| {
            let entry = at + 12 + size * n;
            let found = self.name(word(&self.data, entry).ok()?);
            (found == name.as_bytes()).then(|| word(&self.data, entry + 4).ok())?
        })
    }

    /// Follows typedefs and qualifiers.
    fn strip(&self, mut id: u32) -> u32 {
        while let Some(&at) = self.records.get(id as usize) {
            let Ok(info) = word(&self.data, at as usize + 4) else {
                break;
            };
            match info >> 24 & 31 {
                KIND_TYPEDEF..=11 => id = word(&self.data, at as usize + 8).unwrap_or(0),
                _ => break,
            }
        }
        id
    }

    fn name(&self, offset: u32) -> &[u8] {
        let start = self.strings + offset as usize;
        let rest = self.data.get(start..).unwrap_or_default();
        rest.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

/// The type that describes a tracepoint's arguments.
fn trace_type(tracepoint: &str) -> String {
    format!("btf_trace_{tracepoint}")
}

/// Puts a header before types and strings.
fn blob(types: &[u32], strings: &[u8]) -> Vec<u8> {
    const HEADER_BYTES: u32 = 24;
    let type_bytes = 4 * types.len() as u32;
    let header = [
        u32::from(MAGIC) | 1 << 16,
        HEADER_BYTES,
        0,
        type_bytes,
        type_bytes,
        strings.len() as u32,
    ];
    let words = header.iter().chain(types);
    let mut blob: Vec<u8> = words.flat_map(|word| word.to_le_bytes()).collect();
    blob.extend(strings);
    blob
}

/// Bytes that follow a type record.
fn tail(kind: u32, entries: usize) -> usize {
    match kind {
        1 | 14 | 17 => 4,
        KIND_ARRAY => 12,
        KIND_STRUCT | KIND_UNION | KIND_DATASEC | KIND_ENUM64 => 12 * entries,
        KIND_ENUM | KIND_PROTO => 8 * entries,
        _ => 0,
    }
}

fn word(data: &[u8], at: usize) -> Result<u32> {
    let Some(bytes) = data.get(at..at + 4) else {
        bail!("the type data ends at byte {at}");
    };
    Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct outer { int a; union { struct { char pad[8]; long deep; }; }; }` as BTF.
    fn sample() -> Vec<u8> {
        let strings = b"\0int\0outer\0a\0deep\0e\0V\0do_it\0btf_trace_tp\0";
        let mut types: Vec<u32> = Vec::new();
        types.extend([1, 1 << 24, 4, 32]); // 1: int
        types.extend([0, KIND_STRUCT << 24 | 1, 16, 13, 1, 64]); // 2: anonymous struct { deep }
        types.extend([0, KIND_UNION << 24 | 1, 16, 0, 2, 0]); // 3: anonymous union
        types.extend([5, KIND_STRUCT << 24 | 2, 24, 11, 1, 0, 0, 3, 64]); // 4: outer
        types.extend([18, KIND_ENUM << 24 | 1, 4, 20, 7]); // 5: enum e { V = 7 }
        types.extend([22, KIND_FUNC << 24, 1]); // 6: do_it
        types.extend([28, KIND_TYPEDEF << 24, 1]); // 7: btf_trace_tp
        super::blob(&types, strings)
    }

    #[test]
    fn fields_are_found_inside_anonymous_members() {
        let btf = Btf::parse(sample()).unwrap();
        assert_eq!(btf.resolve("outer.a"), Some(0));
        assert_eq!(btf.resolve("outer.deep"), Some(16));
        assert_eq!(btf.resolve("outer.none"), None);
        assert_eq!(btf.resolve("none.a"), None);
        assert_eq!(btf.resolve("enum e.V"), Some(7));
    }

    #[test]
    fn functions_and_tracepoints_are_told_apart() {
        let btf = Btf::parse(sample()).unwrap();
        assert!(btf.has_function("do_it") && !btf.has_function("tp"));
        assert!(btf.has_tracepoint("tp") && !btf.has_tracepoint("do_it"));
    }

    #[test]
    fn an_outline_keeps_every_id_and_only_the_names_asked_for() {
        let whole = Btf::parse(sample()).unwrap();
        let outline = Btf::parse(whole.outline(&["do_it", "gone"], &["tp"])).unwrap();
        assert_eq!(outline.types.records.len(), whole.types.records.len());
        let id = |btf: &Btf| btf.functions.get(&btf.types, "do_it");
        assert_eq!(id(&outline), id(&whole));
        let id = |btf: &Btf| btf.typedefs.get(&btf.types, "btf_trace_tp");
        assert_eq!(id(&outline), id(&whole));
        let outline = Btf::parse(whole.outline(&[], &["tp"])).unwrap();
        assert!(outline.has_tracepoint("tp") && !outline.has_function("do_it"));
        assert!(outline.structs.0.is_empty() && outline.enums.0.is_empty());
    }

    #[test]
    fn invalid_btf_is_an_error_and_not_a_panic() {
        assert!(Btf::parse(vec![0; 64]).is_err());
        assert!(Btf::parse(Vec::new()).is_err());
        let mut cut = sample();
        cut.truncate(60);
        assert!(Btf::parse(cut).is_err());
    }
}
