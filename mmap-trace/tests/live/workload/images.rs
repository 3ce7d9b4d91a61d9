//! Workloads that execute their own program again, after they have stored at an address where the kernel itself
//! will store while it loads the program: it clears the rest of the page in which the data end (`elf_load`,
//! `fs/binfmt_elf.c`). Without address randomization, a program is always at the same place.

use std::{
    ffi::{CString, c_char},
    fs::File,
    os::fd::AsRawFd as _,
    ptr,
};

use anyhow::{Context as _, Result, bail, ensure};
use libc::{MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE};

use super::{Play, Work, command_line, in_child, join};

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("execute", |work| execute(work, Before::AsItWas)),
    ("execute-after-anonymous-store", |work| {
        execute(work, Before::Anonymous)
    }),
    ("execute-after-shared-store", |work| {
        execute(work, Before::SharedFile)
    }),
    ("execute-in-child", |work| in_process(work, Before::AsItWas)),
    ("execute-in-child-after-anonymous-store", |work| {
        in_process(work, Before::Anonymous)
    }),
    ("execute-in-thread", |work| in_thread(work, Before::AsItWas)),
    ("execute-in-thread-after-shared-store", |work| {
        in_thread(work, Before::SharedFile)
    }),
];

const PAGE: usize = 4096;

/// What is mapped at the address before the new program is.
#[derive(Clone, Copy)]
enum Before {
    /// The same, and the last store hit something else.
    AsItWas,
    Anonymous,
    SharedFile,
}

fn in_process(work: &mut Work, before: Before) -> Result<()> {
    join(in_child(|| execute(work, before))?)
}

fn in_thread(work: &mut Work, before: Before) -> Result<()> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| execute(work, before));
        thread
            .join()
            .unwrap_or_else(|_| bail!("the thread panicked"))
    })
}

/// Returns only if something fails.
fn execute(work: &mut Work, before: Before) -> Result<()> {
    let directory = work.directory.to_string_lossy();
    let words = command_line("execute", 1, &directory, true)?;
    let words: Vec<CString> = words
        .into_iter()
        .map(CString::new)
        .collect::<Result<_, _>>()
        .context("a word")?;
    let mut pointers: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
    pointers.push(ptr::null());
    let page = first_cleared_page()?;
    let file = File::create_new(work.path(&format!("page-{}", std::process::id())))
        .and_then(|file| file.set_len(PAGE as u64).map(|()| file))
        .context("a file of one page")?;
    let (flags, descriptor) = match before {
        Before::AsItWas => (None, -1),
        Before::Anonymous => (Some(MAP_PRIVATE | MAP_ANONYMOUS), -1),
        Before::SharedFile => (Some(MAP_SHARED), file.as_raw_fd()),
    };
    if let Some(flags) = flags {
        replace(page, flags, descriptor)?;
    }
    // SAFETY: the words end with a null pointer.
    unsafe { libc::execv(pointers[0], pointers.as_ptr()) };
    Err(std::io::Error::last_os_error()).context("execv")
}

/// Puts other memory with the same contents in the place of a page; the copy of the contents is the last store
/// that faults.
fn replace(page: usize, flags: libc::c_int, descriptor: libc::c_int) -> Result<()> {
    let mut contents = [0_u8; PAGE];
    let address = ptr::with_exposed_provenance_mut::<u8>(page);
    // SAFETY: the program's data are mapped, and nothing uses them until they are as before.
    unsafe {
        ptr::copy_nonoverlapping(address, contents.as_mut_ptr(), PAGE);
        let protection = PROT_READ | PROT_WRITE;
        let mapped = libc::mmap(
            address.cast(),
            PAGE,
            protection,
            flags | MAP_FIXED,
            descriptor,
            0,
        );
        ensure!(mapped == address.cast(), "mmap at {page:x}");
        ptr::copy_nonoverlapping(contents.as_ptr(), address, PAGE);
    }
    Ok(())
}

/// The page of the first address that the kernel clears while it loads this program: where the first segment
/// that is longer in memory than in the file ends in the file.
fn first_cleared_page() -> Result<usize> {
    let mut page: Option<usize> = None;
    // SAFETY: the callback has the signature of `dl_iterate_phdr`, which passes on the pointer.
    unsafe { libc::dl_iterate_phdr(Some(look_for_it), (&raw mut page).cast()) };
    page.context("no segment of this program ends with zeros")
}

/// Stops at the first object, which is the program.
unsafe extern "C" fn look_for_it(
    object: *mut libc::dl_phdr_info,
    _size: usize,
    page: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: `dl_iterate_phdr` describes an object that is mapped, and `page` is a local variable of the caller.
    let (object, segments, page) = unsafe {
        let object = &*object;
        let count = usize::from(object.dlpi_phnum);
        let segments = std::slice::from_raw_parts(object.dlpi_phdr, count);
        (object, segments, &mut *page.cast::<Option<usize>>())
    };
    let cleared = segments
        .iter()
        .find(|it| it.p_type == libc::PT_LOAD && it.p_memsz > it.p_filesz);
    *page = cleared.map(|it| (object.dlpi_addr + it.p_vaddr + it.p_filesz) as usize & !(PAGE - 1));
    1
}
