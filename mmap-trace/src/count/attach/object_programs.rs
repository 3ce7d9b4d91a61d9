//! The table of programs against the object: each names exactly the programs of the other, at the same
//! hooks, and every tracepoint program has its backup.

use std::collections::BTreeSet;

use object::{File, Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};

use super::{
    load::OBJECT,
    programs::{Hook, PROGRAMS, Program},
};

/// Section and name of a program in the object.
type Entry = (String, String);

fn programs_in_object() -> BTreeSet<Entry> {
    let object = File::parse(OBJECT).unwrap();
    object
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_global())
        .filter_map(|symbol| {
            let section = object.section_by_index(symbol.section_index()?).ok()?;
            Some((
                section.name().ok()?.to_owned(),
                symbol.name().ok()?.to_owned(),
            ))
        })
        .filter(|(section, _)| {
            ["fentry", "fexit", "tp_btf", "raw_tp", "perf_event"]
                .iter()
                .any(|kind| section.starts_with(kind))
        })
        .collect()
}

fn section(program: &Program) -> String {
    match program.hook {
        Hook::Tracepoint(name) => format!("tp_btf/{name}"),
        Hook::Entry(_) => "fentry".to_owned(),
        Hook::Return(_) => "fexit".to_owned(),
        Hook::ModuleTracepoint(name, _) => format!("raw_tp/{name}"),
        Hook::SoftwareEvent(_) | Hook::CpuClock => "perf_event".to_owned(),
        Hook::PageTables => format!("raw_tp/{}", program.name),
    }
}

/// What must be added, and where: one sentence for each program that one side lacks.
fn missing(mut object: BTreeSet<Entry>) -> Vec<String> {
    let mut missing = Vec::new();
    for program in PROGRAMS {
        let (name, section) = (program.name, section(program));
        if !object.remove(&(section.clone(), name.to_owned())) {
            missing.push(format!(
                "the table expects a program {name} in section {section}, and the object has none: \
                 declare it in mmap-trace-ebpf/src/programs/, or correct its row in \
                 count/attach/programs.rs"
            ));
        }
        if let Some(backup) = program.backup
            && !object.remove(&(section.clone(), backup.to_owned()))
        {
            missing.push(format!(
                "the program {name} in section {section} has no backup {backup}: declare both with \
                 `with_backup! {{ ...: {name}, {backup} => HANDLER; }}` in \
                 mmap-trace-ebpf/src/programs/, because some kernels skip programs at tracepoints"
            ));
        }
    }
    for (section, name) in object {
        missing.push(format!(
            "the object has a program {name} in section {section} that no row names: add a row to \
             `programs!` in count/attach/programs.rs"
        ));
    }
    missing
}

#[test]
fn table_and_object_have_the_same_programs_with_their_backups() {
    let missing = missing(programs_in_object());
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn tracepoint_program_without_backup_is_reported_with_what_to_add() {
    let mut object = programs_in_object();
    object.retain(|(_, name)| name != "bio_queue_backup");
    let missing = missing(object);
    assert_eq!(missing.len(), 1);
    assert!(missing[0].contains("the program bio_queue in section tp_btf/block_bio_queue"));
    assert!(missing[0].contains("with_backup! { ...: bio_queue, bio_queue_backup => HANDLER; }"));
}

#[test]
fn program_without_row_is_reported_with_the_table_to_extend() {
    let mut object = programs_in_object();
    object.insert(("tp_btf/new".to_owned(), "new".to_owned()));
    let missing = missing(object);
    assert_eq!(missing.len(), 1);
    assert!(missing[0].contains("add a row to `programs!`"));
}
